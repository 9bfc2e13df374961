// cudaFunc... and cudaOccupancy...
#include <algorithm>

#include "runtime/capture.hpp"
#include "runtime/error.hpp"
#include "runtime/loaded_kernels.hpp"

namespace crossdock::emulator {
namespace {

/// These cannot be known here: nothing compiles for a GPU.
constexpr int kRegisters = 32;
constexpr std::size_t kStaticSmem = 0;

/// A kernel that such a call loads while streams are captured ends their capture in failure.
cudaError_t load(const void* kernel) {
  if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
  Device& device = current_device();
  if (LoadedKernels::of_process().has(device, kernel)) return cudaSuccess;
  const cudaError_t refused = Captures::of_process().refuse_unsafe();
  if (refused == cudaSuccess) LoadedKernels::of_process().load(device, kernel);
  return refused;
}

cudaError_t get_attributes(cudaFuncAttributes* attributes, const void* kernel) {
  if (attributes == nullptr) return cudaErrorInvalidValue;
  const cudaError_t failed = load(kernel);
  if (failed != cudaSuccess) return failed;
  const std::size_t most = LoadedKernels::of_process().most_dynamic_smem(current_device(), kernel);
  *attributes = {.sharedSizeBytes = kStaticSmem,
                 .maxThreadsPerBlock = kThreadsOfBlock,
                 .numRegs = kRegisters,
                 .maxDynamicSharedSizeBytes = static_cast<int>(most)};
  return cudaSuccess;
}

cudaError_t set_attribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
  if (value < 0 || static_cast<std::size_t>(value) > kSmemOfBlock) return cudaErrorInvalidValue;
  const cudaError_t failed = load(kernel);
  if (failed != cudaSuccess) return failed;
  LoadedKernels::of_process().set_most_dynamic_smem(current_device(), kernel, static_cast<std::size_t>(value));
  return cudaSuccess;
}

int most_blocks(int threads, std::size_t smem) {
  constexpr int kWarp = 32;
  const int by_threads = kThreadsOfSm / ((threads + kWarp - 1) / kWarp * kWarp);
  const auto by_smem = static_cast<int>(kSmemOfSm / (smem + kSmemReserved));
  return std::min({kBlocksOfSm, by_threads, by_smem});
}

cudaError_t get_occupancy(int* blocks, const void* kernel, int threads, std::size_t dynamic_smem_bytes) {
  if (blocks == nullptr || threads < 1) return cudaErrorInvalidValue;
  const cudaError_t failed = load(kernel);
  if (failed != cudaSuccess) return failed;
  const std::size_t most = LoadedKernels::of_process().most_dynamic_smem(current_device(), kernel);
  const bool fits = threads <= kThreadsOfBlock && dynamic_smem_bytes <= most;
  *blocks = fits ? most_blocks(threads, dynamic_smem_bytes) : 0;
  return cudaSuccess;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  return answer(get_attributes(attributes, kernel));
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return answer(set_attribute(kernel, attribute, value));
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel, int threads,
                                                          std::size_t dynamic_smem_bytes) {
  return answer(get_occupancy(blocks, kernel, threads, dynamic_smem_bytes));
}
