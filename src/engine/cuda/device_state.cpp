#include "engine/cuda/device_state.hpp"

#include <fmt/format.h>

#include <new>
#include <thread>

#include "base/clock.hpp"
#include "crossdock/error.hpp"

namespace crossdock::engine::cuda {
namespace {

int device_or_current(int device) {
  if (device >= 0) return device;
  int current = 0;
  check(cudaGetDevice(&current), "cudaGetDevice");
  return current;
}

int sms_of(int device) {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  return count;
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw Error(ErrorCode::kSystem, fmt::format("{}: {}", what, cudaGetErrorString(status)));
}

UseDevice::UseDevice(int device) {
  check(cudaGetDevice(&before_), "cudaGetDevice");
  if (before_ != device) check(cudaSetDevice(device), "cudaSetDevice");
}

UseDevice::~UseDevice() { cudaSetDevice(before_); }

DeviceState::DeviceState(int device) : device_(device_or_current(device)), num_sms_(sms_of(device_)) {
  const UseDevice use(device_);
  void* words = nullptr;
  check(cudaHostAlloc(&words, sizeof(HostWords), cudaHostAllocPortable), "cudaHostAlloc");
  words_ = new (words) HostWords;
  // Beside other work its few blocks go first: peers wait for them.
  int lowest = 0;
  int highest = 0;
  check(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "cudaDeviceGetStreamPriorityRange");
  check(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, highest), "cudaStreamCreate");
  check(cudaEventCreateWithFlags(&last_call_, cudaEventDisableTiming), "cudaEventCreate");
}

// CUDA must not be called in a forked child.
DeviceState::~DeviceState() {
  if (process_.is_inherited()) return;
  if (last_call_ != nullptr) cudaEventSynchronize(last_call_);
  if (last_call_ != nullptr) cudaEventDestroy(last_call_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
  cudaFreeHost(words_);
}

void DeviceState::record_call(cudaStream_t stream) const {
  check(cudaEventRecord(last_call_, stream), "cudaEventRecord");
}

bool DeviceState::wait(const base::Deadline& deadline) const {
  constexpr std::chrono::microseconds kLookEvery{20};
  for (;;) {
    const cudaError_t status = cudaEventQuery(last_call_);
    if (status != cudaErrorNotReady) check(status, "cudaEventQuery");
    if (status == cudaSuccess || deadline.expired()) return status == cudaSuccess;
    std::this_thread::sleep_for(kLookEvery);
  }
}

void DeviceState::set_deadline(std::chrono::milliseconds deadline) const {
  const std::chrono::nanoseconds limit = base::saturated(deadline);
  std::atomic_ref(words_->nanoseconds).store(static_cast<std::uint64_t>(limit.count()), std::memory_order_relaxed);
}

bool is_capturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream, &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

}  // namespace crossdock::engine::cuda
