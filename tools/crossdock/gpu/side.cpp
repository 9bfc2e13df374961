#include "gpu/side.hpp"

#include <algorithm>

#include "gpu/cuda_call.hpp"

namespace crossdock::tools::gpu {
namespace {

/// Not all zero: data that changes nothing may be cheaper to move.
constexpr int kPattern = 0x5B;

}  // namespace

Side::Side(int device, std::size_t bytes) : device_(device) {
  use();
  check(cudaMalloc(&from_, bytes), "cudaMalloc");
  check(cudaMalloc(&to_, bytes), "cudaMalloc");
  check(cudaMemset(from_, kPattern + device, bytes), "cudaMemset");
  check(cudaMemset(to_, 0, bytes), "cudaMemset");
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  check(cudaEventCreate(&begin_), "cudaEventCreate");
  check(cudaEventCreate(&end_), "cudaEventCreate");
}

Side::~Side() {
  cudaSetDevice(device_);
  cudaFree(from_);
  cudaFree(to_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
  if (begin_ != nullptr) cudaEventDestroy(begin_);
  if (end_ != nullptr) cudaEventDestroy(end_);
}

void Side::reach(int peer) const {
  use();
  const cudaError_t status = cudaDeviceEnablePeerAccess(peer, 0);
  if (status != cudaErrorPeerAccessAlreadyEnabled) check(status, "cudaDeviceEnablePeerAccess");
  cudaGetLastError();  // the refusal of a second call is no failure
}

void Side::use() const { check(cudaSetDevice(device_), "cudaSetDevice"); }

void Side::begin() const {
  use();
  check(cudaEventRecord(begin_, stream_), "cudaEventRecord");
}

void Side::end() const {
  use();
  check(cudaEventRecord(end_, stream_), "cudaEventRecord");
}

float Side::milliseconds() const {
  check(cudaEventSynchronize(end_), "cudaEventSynchronize");
  float elapsed = 0;
  check(cudaEventElapsedTime(&elapsed, begin_, end_), "cudaEventElapsedTime");
  return elapsed;
}

Ring::Ring(int num_devices, std::size_t bytes) {
  check(cudaGetDevice(&before_), "cudaGetDevice");
  for (int device = 0; device < num_devices; ++device) sides_.push_back(std::make_unique<Side>(device, bytes));
  if (num_devices < 2) return;
  for (const auto& side : sides_) {
    side->reach((side->device() + 1) % num_devices);
    side->reach((side->device() + num_devices - 1) % num_devices);
  }
}

Ring::~Ring() {
  sides_.clear();
  cudaSetDevice(before_);
}

void Ring::begin() const {
  for (const auto& side : sides_) side->begin();
}

double Ring::end() const {
  for (const auto& side : sides_) side->end();
  float slowest = 0;
  for (const auto& side : sides_) slowest = std::max(slowest, side->milliseconds());
  return double{slowest} * 1e3;
}

}  // namespace crossdock::tools::gpu
