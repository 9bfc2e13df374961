// A row warp: loads each chunk of a row once and stores it to every destination, by bulk copies.
#pragma once

#include "base/math.hpp"
#include "device/ptx/bulk_copy.cuh"
#include "device/ptx/order.cuh"
#include "kernels/dispatch/roles/claims.cuh"
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
        claims_(args, warp_, V.row_warps),
        chunks_per_row_(base::div_up(args.row_bytes, V.chunk_bytes)),
        num_chunks_(args.num_tokens * chunks_per_row_),
        scale_bytes_(scales_ride(args) ? 4 * args.scale_words : 0) {}

  /// Needs nobody's announcement: the first chunks are on their way before it comes.
  __device__ void prepare() {
    make_barriers();
    claims_.ask();
    take_next();
    for (int i = 0; i < V.stages - V.unread_stores; ++i) load();
  }

  __device__ void run() {
    if (lane_ < args_.port.num_ranks) {
      target_ = first_row_at(args_, smem_.entry, lane_);
      scale_target_ = first_scales_at(args_, smem_.entry, lane_);
    }
    while (num_under_way_ > 0) {
      store();
      device::bulk_wait_read<V.unread_stores>();
      __syncwarp();
      load();
    }
    device::bulk_wait_written();
  }

  /// Nothing may be on its way into shared memory when a block ends.
  __device__ void abandon() {
    for (; num_under_way_ > 0; advance_store()) await_chunk();
  }

 private:
  __device__ void make_barriers() {
    if (lane_ == 0) {
      for (int stage = 0; stage < V.stages; ++stage) device::mbarrier_init(&smem_.full[warp_][stage], 1);
      device::fence_mbarrier_init();
    }
    __syncwarp();
  }

  /// The chunk after the next one is asked for, and the next one's slots are read, a turn before they are needed.
  __device__ void take_next() {
    next_ = claims_.take();
    claims_.ask();
    next_slot_ = slot_of(args_, next_ / chunks_per_row_, lane_);
  }

  __device__ std::int64_t offset_in_row(int chunk) const {
    return static_cast<std::int64_t>(chunk % chunks_per_row_) * V.chunk_bytes;
  }
  __device__ std::uint32_t bytes_of(std::int64_t offset) const {
    return static_cast<std::uint32_t>(min(static_cast<std::int64_t>(V.chunk_bytes), args_.row_bytes - offset));
  }

  /// The next chunk into the next stage.
  __device__ void load() {
    if (next_ >= num_chunks_) return;
    const int chunk = next_;
    const std::int32_t slot = next_slot_;
    take_next();
    smem_.slots[warp_][load_stage_][lane_] = {.chunk = chunk, .slot = slot};
    const bool wanted = __any_sync(~0U, slot >= 0);
    if (lane_ == 0) load_bytes(chunk, wanted);
    ++num_under_way_;
    load_stage_ = load_stage_ + 1 == V.stages ? 0 : load_stage_ + 1;
  }

  __device__ void load_bytes(int chunk, bool wanted) {
    std::uint64_t* full = &smem_.full[warp_][load_stage_];
    const std::int64_t offset = offset_in_row(chunk);
    const std::int64_t token = chunk / chunks_per_row_;
    const std::uint32_t bytes = bytes_of(offset);
    const std::uint32_t scale_bytes = offset == 0 ? static_cast<std::uint32_t>(scale_bytes_) : 0;
    device::mbarrier_arrive_expect(full, wanted ? bytes + scale_bytes : 0);
    if (!wanted) return;
    device::bulk_load(smem_.chunks[warp_][load_stage_], args_.x + token * args_.row_bytes + offset, bytes, full);
    if (scale_bytes > 0) {
      device::bulk_load(smem_.scales[warp_][load_stage_], args_.scales + token * args_.scale_row_stride, scale_bytes,
                        full);
    }
  }

  __device__ void await_chunk() {
    while (!device::mbarrier_try_wait(&smem_.full[warp_][store_stage_], parity_)) {
    }
  }

  /// The oldest chunk to all that want it, a lane a rank.
  __device__ void store() {
    await_chunk();
    const ChunkSlot slot = smem_.slots[warp_][store_stage_][lane_];
    if (slot.slot >= 0) {
      const std::int64_t offset = offset_in_row(slot.chunk);
      device::bulk_store(target_ + static_cast<std::int64_t>(slot.slot) * args_.row_bytes + offset,
                         smem_.chunks[warp_][store_stage_], bytes_of(offset));
      if (offset == 0 && scale_bytes_ > 0) {
        device::bulk_store(scale_target_ + static_cast<std::int64_t>(slot.slot) * scale_bytes_,
                           smem_.scales[warp_][store_stage_], static_cast<std::uint32_t>(scale_bytes_));
      }
    }
    device::bulk_commit();
    advance_store();
  }

  __device__ void advance_store() {
    --num_under_way_;
    store_stage_ = store_stage_ + 1 == V.stages ? 0 : store_stage_ + 1;
    if (store_stage_ == 0) parity_ ^= 1;
  }

  const DispatchArgs& args_;
  DispatchSmem<V>& smem_;
  int warp_;
  int lane_;
  Claims claims_;
  int chunks_per_row_;
  int num_chunks_;
  int scale_bytes_;  ///< that ride with a row's first chunk
  std::byte* target_ = nullptr;
  std::byte* scale_target_ = nullptr;
  int next_ = 0;  ///< chunk to load, with its slot at the lane's rank
  std::int32_t next_slot_ = -1;
  int num_under_way_ = 0;  ///< chunks loaded and not yet stored
  int load_stage_ = 0;
  int store_stage_ = 0;
  std::uint32_t parity_ = 0;
};

}  // namespace crossdock::kernels
