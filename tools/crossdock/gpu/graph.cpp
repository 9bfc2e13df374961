#include "gpu/graph.hpp"

#include "gpu/cuda_call.hpp"

namespace crossdock::tools::gpu {
namespace {

/// Ends the capture in any case: a stream that is left in it can do nothing else.
cudaGraph_t capture(Device& device, const std::function<void()>& work) {
  cudaStream_t stream = as_stream(device.stream());
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  return graph;
}

}  // namespace

Graph::Graph(Device& device, const std::function<void()>& work) : device_(device) {
  cudaGraph_t graph = capture(device, work);
  cudaGraphExec_t executable = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "cudaGraphInstantiate");
  executable_ = executable;
  check(cudaGraphUpload(executable, as_stream(device.stream())), "cudaGraphUpload");
  device.wait();
}

Graph::~Graph() { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(executable_)); }

void Graph::launch() const {
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(executable_), as_stream(device_.stream())), "cudaGraphLaunch");
}

}  // namespace crossdock::tools::gpu
