#include "engine/cuda/alone/prepare_device.hpp"

#include <array>
#include <atomic>

#include "engine/cuda/device_state.hpp"
#include "kernels/cast/cast.hpp"
#include "kernels/gate/gate.hpp"
#include "kernels/routing/routing.hpp"

namespace crossdock::engine::cuda {
namespace {

constexpr std::size_t kMostDevices = 64;

}  // namespace

RelaxedCapture::RelaxedCapture() {
  check(cudaThreadExchangeStreamCaptureMode(&mode_), "cudaThreadExchangeStreamCaptureMode");
}

RelaxedCapture::~RelaxedCapture() { cudaThreadExchangeStreamCaptureMode(&mode_); }

int prepare_device() {
  // 0 = not ready. Two threads that come first together do the same twice.
  static std::array<std::atomic<int>, kMostDevices> sms_of_device{};
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  std::atomic<int>& known = sms_of_device.at(static_cast<std::size_t>(device));
  if (known.load(std::memory_order_acquire) == 0) {
    const RelaxedCapture relaxed;
    kernels::load_gate();
    kernels::load_cast();
    kernels::load_routing();
    int sms = 0;
    check(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
    known.store(sms, std::memory_order_release);
  }
  return known.load(std::memory_order_acquire);
}

}  // namespace crossdock::engine::cuda
