// Work of one stream as a graph.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

#include "kernels/launch.hpp"

namespace crossdock::gpu {

class Captured {
 public:
  /// Captures what `work` puts on the stream, and on those that its events join.
  Captured(cudaStream_t stream, const std::function<void()>& work) : stream_(stream) {
    cudaGraph_t graph = nullptr;
    kernels::check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    try {
      work();
    } catch (...) {
      cudaStreamEndCapture(stream, &graph);  // a stream that is left in it can do nothing else
      cudaGraphDestroy(graph);
      throw;
    }
    kernels::check_cuda(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
    const cudaError_t made = cudaGraphInstantiate(&replay_, graph, 0);
    cudaGraphDestroy(graph);
    kernels::check_cuda(made, "cudaGraphInstantiate");
  }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() { cudaGraphExecDestroy(replay_); }

  void replay() const {
    kernels::check_cuda(cudaGraphLaunch(replay_, stream_), "cudaGraphLaunch");
    kernels::check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }

 private:
  cudaStream_t stream_;
  cudaGraphExec_t replay_ = nullptr;
};

}  // namespace crossdock::gpu
