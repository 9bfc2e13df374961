// Copies and flags by SMs, as plain as they can be. For the sources of this folder that are built with CUDA.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace crossdock::tools::gpu {

struct CopyArgs {
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  std::size_t bytes = 0;  ///< a multiple of kCopyChunk
};

inline constexpr int kCopyChunk = 7168;

/// Ordinary loads and stores, 16 bytes a lane; whichever side is remote makes it a store or a load test.
void launch_plain_copy(const CopyArgs& args, int num_sms, cudaStream_t stream);
/// Bulk copies through shared memory, as the dispatch kernel makes them (sm_90 and later).
void launch_bulk_copy(const CopyArgs& args, int num_sms, cudaStream_t stream);

/// Sets `theirs` to 1, 2, ..., rounds, each after `mine` has reached it; the second side answers.
void launch_ping_pong(std::uint64_t* mine, std::uint64_t* theirs, int rounds, bool first, cudaStream_t stream);

/// Of both sides, before they are used (see load() of launch.hpp).
void load_link_kernels();

}  // namespace crossdock::tools::gpu
