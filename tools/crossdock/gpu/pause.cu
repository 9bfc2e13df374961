#include "gpu/cuda_call.hpp"
#include "gpu/timer.hpp"

namespace crossdock::tools::gpu {
namespace {

__global__ void stand_still(long long cycles) {
  const long long begin = clock64();
  while (clock64() - begin < cycles) {
  }
}

}  // namespace

void pause(Device& device, int microseconds) {
  int kilohertz = 0;
  check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, device.index()), "cudaDeviceGetAttribute");
  stand_still<<<1, 1, 0, as_stream(device.stream())>>>(static_cast<long long>(kilohertz) * microseconds / 1000);
  check(cudaGetLastError(), "stand_still");
}

}  // namespace crossdock::tools::gpu
