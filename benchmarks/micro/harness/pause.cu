#include "device/ptx/clock.cuh"
#include "harness/pause.hpp"
#include "kernels/launch.hpp"

namespace crossdock::micro {
namespace {

__global__ void pause(std::uint64_t nanoseconds) {
  const std::uint64_t start = device::global_timer();
  while (device::global_timer() - start < nanoseconds) {
  }
}

}  // namespace

void launch_pause(int microseconds, cudaStream_t stream) {
  pause<<<1, 1, 0, stream>>>(static_cast<std::uint64_t>(microseconds) * 1000);
  kernels::check_cuda(cudaGetLastError(), "pause");
}

}  // namespace crossdock::micro
