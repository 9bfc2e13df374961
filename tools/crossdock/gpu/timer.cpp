#include "gpu/timer.hpp"

#include "gpu/cuda_call.hpp"

namespace crossdock::tools::gpu {

Marks::Marks(Device& device, std::size_t count) : device_(device) {
  for (std::size_t i = 0; i < count; ++i) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreate(&event), "cudaEventCreate");
    events_.push_back(event);
  }
}

Marks::~Marks() {
  for (void* event : events_) cudaEventDestroy(static_cast<cudaEvent_t>(event));
}

void Marks::set(std::size_t index) {
  cudaStream_t stream = as_stream(device_.stream());
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream, &capturing), "cudaStreamIsCapturing");
  const unsigned flags = capturing == cudaStreamCaptureStatusNone ? cudaEventRecordDefault : cudaEventRecordExternal;
  check(cudaEventRecordWithFlags(static_cast<cudaEvent_t>(events_[index]), stream, flags), "cudaEventRecord");
}

double Marks::us_between(std::size_t from, std::size_t to) const {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(events_[from]),
                             static_cast<cudaEvent_t>(events_[to])),
        "cudaEventElapsedTime");
  return double{milliseconds} * 1e3;
}

}  // namespace crossdock::tools::gpu
