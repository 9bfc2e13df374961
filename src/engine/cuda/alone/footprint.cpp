#include <cuda_runtime_api.h>

#include "crossdock/gpu.hpp"
#include "engine/cuda/alone/prepare_device.hpp"
#include "engine/cuda/device_state.hpp"
#include "kernels/load.hpp"

namespace crossdock::gpu {
namespace {

using engine::cuda::check;

KernelFootprint footprint_of(const kernels::LoadedKernel& loaded) {
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, loaded.kernel), "cudaFuncGetAttributes");
  const auto dynamic_bytes = static_cast<std::size_t>(loaded.smem_bytes);
  int blocks = 0;
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, loaded.kernel, loaded.threads, dynamic_bytes),
        "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  return {.name = loaded.name,
          .threads = loaded.threads,
          .registers = attributes.numRegs,
          .static_shared_bytes = attributes.sharedSizeBytes,
          .dynamic_shared_bytes = dynamic_bytes,
          .blocks_per_sm = blocks};
}

}  // namespace

std::vector<KernelFootprint> footprint() {
  const engine::cuda::RelaxedCapture relaxed;
  std::vector<KernelFootprint> footprints;
  for (const kernels::LoadedKernel& loaded : kernels::load_kernels()) footprints.push_back(footprint_of(loaded));
  return footprints;
}

}  // namespace crossdock::gpu
