// A row warp: loads each chunk of a row once and stores it to every destination, by bulk copies.
#pragma once

#include "base/math.hpp"
#include "device/ptx/bulk_copy.cuh"
#include "device/ptx/order.cuh"
#include "kernels/dispatch/roles/target.cuh"

namespace crossdock::kernels {

template <DispatchVariant V>
class RowMover {
 public:
  __device__ RowMover(const DispatchArgs& args, DispatchSmem<V>& smem)
      : args_(args),
        smem_(smem),
        warp_(static_cast<int>(threadIdx.x / 32)),
        lane_(static_cast<int>(threadIdx.x % 32)),
        chunks_per_row_(base::div_up(args.row_bytes, V.chunk_bytes)),
        num_chunks_(args.num_tokens * chunks_per_row_),
        stride_(static_cast<int>(gridDim.x) * V.row_warps),
        target_(first_row_at(args, smem.entry, lane_)) {
    if (V.own_beside && lane_ == args.port.rank) target_ = nullptr;
  }

  __device__ void run() {
    make_barriers();
    load_at_ = store_at_ = static_cast<int>(blockIdx.x) * V.row_warps + warp_;
    next_slot_ = slot_at(load_at_);
    for (int i = 0; i < V.stages - V.unread_stores; ++i) load();
    while (store_at_ < num_chunks_) {
      store();
      device::bulk_wait_read<V.unread_stores>();
      __syncwarp();
      load();
    }
    device::bulk_wait_written();
  }

 private:
  __device__ void make_barriers() {
    if (lane_ == 0) {
      for (int stage = 0; stage < V.stages; ++stage) device::mbarrier_init(&smem_.full[warp_][stage], 1);
      device::fence_mbarrier_init();
    }
    __syncwarp();
  }

  __device__ std::int32_t slot_at(int chunk) const {
    const std::int32_t slot = slot_of(args_, chunk / chunks_per_row_, lane_);
    return target_ != nullptr ? slot : -1;
  }
  __device__ std::int64_t offset_in_row(int chunk) const {
    return static_cast<std::int64_t>(chunk % chunks_per_row_) * V.chunk_bytes;
  }
  __device__ std::uint32_t bytes_of(std::int64_t offset) const {
    return static_cast<std::uint32_t>(min(static_cast<std::int64_t>(V.chunk_bytes), args_.row_bytes - offset));
  }

  /// The next chunk into the next stage. Its slots were read a turn ago, so that nothing waits for them here.
  __device__ void load() {
    if (load_at_ >= num_chunks_) return;
    const std::int32_t slot = next_slot_;
    next_slot_ = slot_at(load_at_ + stride_);
    smem_.slots[warp_][load_stage_][lane_] = slot;
    const bool wanted = __any_sync(~0U, slot >= 0);
    if (lane_ == 0) {
      std::uint64_t* full = &smem_.full[warp_][load_stage_];
      const std::int64_t offset = offset_in_row(load_at_);
      const std::uint32_t bytes = wanted ? bytes_of(offset) : 0;
      const std::byte* row = args_.x + static_cast<std::int64_t>(load_at_ / chunks_per_row_) * args_.row_bytes;
      device::mbarrier_arrive_expect(full, bytes);
      if (wanted) device::bulk_load(smem_.chunks[warp_][load_stage_], row + offset, bytes, full);
    }
    load_at_ += stride_;
    load_stage_ = load_stage_ + 1 == V.stages ? 0 : load_stage_ + 1;
  }

  /// The oldest chunk to all that want it, a lane a rank.
  __device__ void store() {
    while (!device::mbarrier_try_wait(&smem_.full[warp_][store_stage_], parity_)) {
    }
    const std::int32_t slot = smem_.slots[warp_][store_stage_][lane_];
    if (slot >= 0) {
      const std::int64_t offset = offset_in_row(store_at_);
      device::bulk_store(target_ + static_cast<std::int64_t>(slot) * args_.row_bytes + offset,
                         smem_.chunks[warp_][store_stage_], bytes_of(offset));
    }
    device::bulk_commit();
    store_at_ += stride_;
    store_stage_ = store_stage_ + 1 == V.stages ? 0 : store_stage_ + 1;
    if (store_stage_ == 0) parity_ ^= 1;
  }

  const DispatchArgs& args_;
  DispatchSmem<V>& smem_;
  int warp_;
  int lane_;
  int chunks_per_row_;
  int num_chunks_;
  int stride_;
  std::byte* target_;
  int load_at_ = 0;
  int store_at_ = 0;
  int load_stage_ = 0;
  int store_stage_ = 0;
  std::uint32_t parity_ = 0;
  std::int32_t next_slot_ = -1;
};

}  // namespace crossdock::kernels
