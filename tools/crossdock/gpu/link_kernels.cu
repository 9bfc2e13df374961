#include <cuda/atomic>
#include <cuda/ptx>

#include "gpu/cuda_call.hpp"
#include "gpu/launch.hpp"
#include "gpu/link_kernels.hpp"

namespace crossdock::tools::gpu {
namespace {

constexpr int kPlainThreads = 1024;
constexpr int kBulkWarps = 8;
constexpr int kBulkStages = 3;

/// A warp a chunk; half of a lane's loads are on the way before the first of its stores.
__global__ void __launch_bounds__(kPlainThreads) plain_copy(CopyArgs args) {
  constexpr int kVectors = kCopyChunk / 16 / 32 / 2;
  static_assert(kVectors * 16 * 32 * 2 == kCopyChunk);
  const std::size_t warps = std::size_t{gridDim.x} * (kPlainThreads / 32);
  const std::size_t first = (std::size_t{blockIdx.x} * kPlainThreads + threadIdx.x) / 32;
  for (std::size_t at = first * kCopyChunk; at < args.bytes; at += warps * kCopyChunk) {
    const auto* from = reinterpret_cast<const uint4*>(args.from + at) + threadIdx.x % 32;
    auto* to = reinterpret_cast<uint4*>(args.to + at) + threadIdx.x % 32;
    for (int half = 0; half < 2; ++half) {
      uint4 values[kVectors];
#pragma unroll
      for (int i = 0; i < kVectors; ++i) values[i] = __ldcg(from + i * 32);
#pragma unroll
      for (int i = 0; i < kVectors; ++i) to[i * 32] = values[i];
      from += kVectors * 32;
      to += kVectors * 32;
    }
  }
}

struct BulkSmem {
  alignas(128) std::byte chunks[kBulkWarps][kBulkStages][kCopyChunk];
  std::uint64_t full[kBulkWarps][kBulkStages];
};

/// One thread of a warp: the next chunk is loaded while the last one is stored.
__global__ void __launch_bounds__(32 * kBulkWarps) bulk_copy(CopyArgs args) {
#if __CUDA_ARCH__ >= 900
  namespace ptx = cuda::ptx;
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<BulkSmem*>(dynamic);
  if (threadIdx.x % 32 != 0) return;
  const int warp = static_cast<int>(threadIdx.x / 32);
  auto& chunks = smem.chunks[warp];
  auto& full = smem.full[warp];
  for (auto& barrier : full) ptx::mbarrier_init(&barrier, 1);
  ptx::fence_mbarrier_init(ptx::sem_release, ptx::scope_cluster);
  const std::size_t stride = std::size_t{gridDim.x} * kBulkWarps * kCopyChunk;
  const std::size_t first = (std::size_t{blockIdx.x} * kBulkWarps + warp) * kCopyChunk;
  std::size_t load_at = first;
  int load_stage = 0;
  const auto load = [&] {
    if (load_at >= args.bytes) return;
    ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &full[load_stage], kCopyChunk);
    ptx::cp_async_bulk(ptx::space_cluster, ptx::space_global, chunks[load_stage], args.from + load_at, kCopyChunk,
                       &full[load_stage]);
    load_at += stride;
    load_stage = (load_stage + 1) % kBulkStages;
  };
  for (int i = 0; i < kBulkStages - 1; ++i) load();
  int stage = 0;
  std::uint32_t parity = 0;
  for (std::size_t at = first; at < args.bytes; at += stride) {
    while (!ptx::mbarrier_try_wait_parity(&full[stage], parity)) {
    }
    ptx::cp_async_bulk(ptx::space_global, ptx::space_shared, args.to + at, chunks[stage], kCopyChunk);
    ptx::cp_async_bulk_commit_group();
    ptx::cp_async_bulk_wait_group_read(ptx::n32_t<1>{});
    load();
    stage = (stage + 1) % kBulkStages;
    if (stage == 0) parity ^= 1;
  }
  ptx::cp_async_bulk_wait_group(ptx::n32_t<0>{});
#endif
}

__global__ void ping_pong(std::uint64_t* mine, std::uint64_t* theirs, int rounds, bool first) {
  using Flag = cuda::atomic_ref<std::uint64_t, cuda::thread_scope_system>;
  const Flag in(*mine);
  const Flag out(*theirs);
  for (std::uint64_t round = 1; round <= static_cast<std::uint64_t>(rounds); ++round) {
    if (first) out.store(round, cuda::memory_order_release);
    while (in.load(cuda::memory_order_acquire) < round) {
    }
    if (!first) out.store(round, cuda::memory_order_release);
  }
}

}  // namespace

void launch_plain_copy(const CopyArgs& args, int num_sms, cudaStream_t stream) {
  launch("plain_copy", plain_copy, {.blocks = static_cast<unsigned>(num_sms), .threads = kPlainThreads}, stream, args);
}

void launch_bulk_copy(const CopyArgs& args, int num_sms, cudaStream_t stream) {
  const LaunchShape shape{
      .blocks = static_cast<unsigned>(num_sms), .threads = 32 * kBulkWarps, .smem_bytes = sizeof(BulkSmem)};
  launch("bulk_copy", bulk_copy, shape, stream, args);
}

void launch_ping_pong(std::uint64_t* mine, std::uint64_t* theirs, int rounds, bool first, cudaStream_t stream) {
  launch("ping_pong", ping_pong, {}, stream, mine, theirs, rounds, first);
}

void load_link_kernels() {
  load("plain_copy", plain_copy);
  load("ping_pong", ping_pong);
  check(cudaFuncSetAttribute(bulk_copy, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(BulkSmem)), "bulk_copy");
}

}  // namespace crossdock::tools::gpu
