#include "harness/copy_engine.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "harness/device_buffer.hpp"

namespace crossdock::micro {
namespace {

using kernels::check_cuda;

constexpr std::size_t kBytes = std::size_t{512} << 20;
constexpr int kRepetitions = 10;

struct Side {
  gpu::DeviceBuffer from, to;
  cudaStream_t stream = nullptr;
  cudaEvent_t start = nullptr, end = nullptr;
};

void copy_both(std::array<Side, 2>& sides, int repetitions) {
  for (int i = 0; i < repetitions; ++i) {
    for (int device = 0; device < 2; ++device) {
      check_cuda(cudaSetDevice(device), "cudaSetDevice");
      check_cuda(cudaMemcpyPeerAsync(sides[1 - device].to.as<void>(), 1 - device, sides[device].from.as<void>(), device,
                                     kBytes, sides[device].stream),
                 "cudaMemcpyPeerAsync");
    }
  }
}

}  // namespace

double copy_engine_rate() {
  std::array<Side, 2> sides;
  for (int device = 0; device < 2; ++device) {
    check_cuda(cudaSetDevice(device), "cudaSetDevice");
    const cudaError_t enabled = cudaDeviceEnablePeerAccess(1 - device, 0);
    if (enabled != cudaErrorPeerAccessAlreadyEnabled) check_cuda(enabled, "cudaDeviceEnablePeerAccess");
    cudaGetLastError();  // the refusal of a second call is no failure
    Side& side = sides[device];
    side.from = gpu::DeviceBuffer(kBytes);
    side.to = gpu::DeviceBuffer(kBytes);
    check_cuda(cudaMemset(side.from.as<void>(), 17 + device, kBytes), "cudaMemset");
    check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check_cuda(cudaStreamCreateWithFlags(&side.stream, cudaStreamNonBlocking), "cudaStreamCreate");
    check_cuda(cudaEventCreate(&side.start), "cudaEventCreate");
    check_cuda(cudaEventCreate(&side.end), "cudaEventCreate");
  }
  copy_both(sides, 3);
  for (int device = 0; device < 2; ++device) {
    check_cuda(cudaSetDevice(device), "cudaSetDevice");
    check_cuda(cudaEventRecord(sides[device].start, sides[device].stream), "cudaEventRecord");
  }
  copy_both(sides, kRepetitions);
  float slowest = 0;
  for (int device = 0; device < 2; ++device) {
    check_cuda(cudaSetDevice(device), "cudaSetDevice");
    check_cuda(cudaEventRecord(sides[device].end, sides[device].stream), "cudaEventRecord");
    check_cuda(cudaEventSynchronize(sides[device].end), "cudaEventSynchronize");
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, sides[device].start, sides[device].end), "cudaEventElapsedTime");
    slowest = std::max(slowest, milliseconds);
    cudaStreamDestroy(sides[device].stream);
    cudaEventDestroy(sides[device].start);
    cudaEventDestroy(sides[device].end);
  }
  return static_cast<double>(kBytes) * kRepetitions / slowest * 1e-6;
}

}  // namespace crossdock::micro
