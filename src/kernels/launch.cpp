#include "kernels/launch.hpp"

#include <fmt/format.h>

#include "crossdock/error.hpp"

namespace crossdock::kernels {

void check_cuda(cudaError_t status, std::string_view what) {
  if (status == cudaSuccess) return;
  throw Error(ErrorCode::kSystem, fmt::format("{}: {}", what, cudaGetErrorString(status)));
}

void refuse(std::string_view kernel, std::string_view what, std::string_view expected, std::int64_t got) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}: expected {}, got {}", kernel, what, expected, got));
}

void allow_shared_memory(const void* kernel, int bytes) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
             fmt::format("{} bytes of shared memory", bytes));
}

LoadedKernel load_kernel(std::string name, const void* kernel, int threads, int smem_bytes) {
  cudaFuncAttributes attributes{};
  check_cuda(cudaFuncGetAttributes(&attributes, kernel), "cudaFuncGetAttributes");
  allow_shared_memory(kernel, smem_bytes);
  return {.name = std::move(name), .kernel = kernel, .threads = threads, .smem_bytes = smem_bytes};
}

}  // namespace crossdock::kernels
