// The calling thread's GPU, ready for the functions of crossdock/gpu.hpp.
#pragma once

#include <cuda_runtime_api.h>

namespace crossdock::engine::cuda {

/// A kernel that is loaded while a stream is captured does not end the capture.
class RelaxedCapture {
 public:
  RelaxedCapture();
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;
  ~RelaxedCapture();

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

/// Loads the kernels of those functions, once a GPU. Returns its SMs.
int prepare_device();

}  // namespace crossdock::engine::cuda
