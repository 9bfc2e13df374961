#include "gpu/cuda_call.hpp"
#include "gpu/launch.hpp"
#include "gpu/timer.hpp"

namespace crossdock::tools::gpu {
namespace {

__global__ void stand_still(long long cycles) {
  const long long begin = clock64();
  while (clock64() - begin < cycles) {
  }
}

}  // namespace

Pause::Pause(Device& device) : device_(device) { load("stand_still", stand_still); }

void Pause::start(int microseconds) {
  int kilohertz = 0;
  check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, device_.index()), "cudaDeviceGetAttribute");
  const auto cycles = static_cast<long long>(kilohertz) * microseconds / 1000;
  launch("stand_still", stand_still, {}, as_stream(device_.stream()), cycles);
}

}  // namespace crossdock::tools::gpu
