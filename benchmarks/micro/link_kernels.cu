#include "device/copy/warp_copy.cuh"
#include "device/ptx/bulk_copy.cuh"
#include "device/ptx/order.cuh"
#include "kernels/launch.hpp"
#include "link_kernels.hpp"

namespace crossdock::micro {
namespace {

constexpr int kPlainThreads = 1024;

__global__ void __launch_bounds__(kPlainThreads) plain_copy(CopyArgs args) {
  const std::size_t warps = std::size_t{gridDim.x} * (kPlainThreads / 32);
  const std::size_t first = (std::size_t{blockIdx.x} * kPlainThreads + threadIdx.x) / 32;
  for (std::size_t at = first * kBulkChunk; at < args.bytes; at += warps * kBulkChunk) {
    device::warp_copy(args.to + at, args.from + at, kBulkChunk);
  }
}

struct BulkSmem {
  alignas(128) std::byte chunks[kBulkWarps][kBulkStages][kBulkChunk];
  std::uint64_t full[kBulkWarps][kBulkStages];
};

/// One thread of a warp: the next chunk is loaded while the last one is stored.
__global__ void __launch_bounds__(32 * kBulkWarps) bulk_copy(CopyArgs args) {
#if __CUDA_ARCH__ >= 900
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<BulkSmem*>(dynamic);
  if (threadIdx.x % 32 != 0) return;
  const int warp = static_cast<int>(threadIdx.x / 32);
  auto& chunks = smem.chunks[warp];
  auto& full = smem.full[warp];
  for (auto& barrier : full) device::mbarrier_init(&barrier, 1);
  device::fence_mbarrier_init();
  const std::size_t stride = std::size_t{gridDim.x} * kBulkWarps * kBulkChunk;
  const std::size_t first = (std::size_t{blockIdx.x} * kBulkWarps + warp) * kBulkChunk;
  std::size_t load_at = first;
  int load_stage = 0;
  const auto load = [&] {
    if (load_at >= args.bytes) return;
    device::mbarrier_arrive_expect(&full[load_stage], kBulkChunk);
    device::bulk_load(chunks[load_stage], args.from + load_at, kBulkChunk, &full[load_stage]);
    load_at += stride;
    load_stage = (load_stage + 1) % kBulkStages;
  };
  for (int i = 0; i < kBulkStages - 1; ++i) load();
  int stage = 0;
  std::uint32_t parity = 0;
  for (std::size_t at = first; at < args.bytes; at += stride) {
    while (!device::mbarrier_try_wait(&full[stage], parity)) {
    }
    device::bulk_store(args.to + at, chunks[stage], kBulkChunk);
    device::bulk_commit();
    device::bulk_wait_read<1>();
    load();
    stage = (stage + 1) % kBulkStages;
    if (stage == 0) parity ^= 1;
  }
  device::bulk_wait_written();
#endif
}

__global__ void ping_pong(std::uint64_t* mine, std::uint64_t* theirs, int rounds, bool first) {
  for (std::uint64_t round = 1; round <= static_cast<std::uint64_t>(rounds); ++round) {
    if (first) device::store_release_sys(theirs, round);
    while (device::load_acquire_sys(mine) < round) {
    }
    if (!first) device::store_release_sys(theirs, round);
  }
}

}  // namespace

void launch_plain_copy(const CopyArgs& args, int num_sms, cudaStream_t stream) {
  plain_copy<<<num_sms, kPlainThreads, 0, stream>>>(args);
  kernels::check_cuda(cudaGetLastError(), "plain_copy");
}

void launch_bulk_copy(const CopyArgs& args, int num_sms, cudaStream_t stream) {
  kernels::allow_shared_memory(reinterpret_cast<const void*>(&bulk_copy), sizeof(BulkSmem));
  bulk_copy<<<num_sms, 32 * kBulkWarps, sizeof(BulkSmem), stream>>>(args);
  kernels::check_cuda(cudaGetLastError(), "bulk_copy");
}

void launch_ping_pong(std::uint64_t* mine, std::uint64_t* theirs, int rounds, bool first, cudaStream_t stream) {
  ping_pong<<<1, 1, 0, stream>>>(mine, theirs, rounds, first);
  kernels::check_cuda(cudaGetLastError(), "ping_pong");
}

}  // namespace crossdock::micro
