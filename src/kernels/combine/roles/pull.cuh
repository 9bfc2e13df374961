// A warp pulls pieces by bulk copies, some stages ahead of the adding.
#pragma once

#include "device/ptx/bulk_copy.cuh"
#include "device/ptx/order.cuh"
#include "kernels/combine/combine_smem.cuh"
#include "kernels/combine/roles/sum.cuh"
#include "kernels/combine/roles/work.cuh"

namespace crossdock::kernels {

template <CombineVariant V>
class Puller {
 public:
  /// Reads the first slots, which needs no peer: they are here when the ranks are ready.
  __device__ Puller(const CombineArgs& args, CombineSmem<V>& smem)
      : args_(args),
        row_bytes_(row_bytes_of(args)),
        warp_(static_cast<int>(threadIdx.x / 32)),
        lane_(static_cast<int>(threadIdx.x % 32)),
        pieces_(smem.pieces[warp_]),
        full_(smem.full[warp_]),
        loading_(args, static_cast<int>(blockIdx.x) * V.warps + warp_, static_cast<int>(gridDim.x) * V.warps),
        adding_(loading_) {
    make_barriers();
  }

  /// Once all ranks are ready.
  __device__ void run(const CombineEntry& entry) {
    rows_ = entry.rows[lane_];
    left_ = loading_.ranks();
    for (int i = 0; i < V.stages; ++i) load();
    for (; !adding_.done(); adding_.advance()) add_piece();
  }

 private:
  __device__ void make_barriers() {
    if (lane_ == 0) {
      for (int stage = 0; stage < V.stages; ++stage) device::mbarrier_init(&full_[stage], 1);
      device::fence_mbarrier_init();
    }
    __syncwarp();
  }

  /// The next rank's row of the piece, or the next piece that some rank has a row of.
  __device__ void load() {
    while (left_ == 0 && !loading_.done()) {
      loading_.advance();
      left_ = loading_.ranks();
    }
    if (loading_.done()) return;
    const int rank = __ffs(static_cast<int>(left_)) - 1;
    left_ &= left_ - 1;
    if (lane_ == rank) {
      const std::byte* row = rows_ + static_cast<std::int64_t>(loading_.slot()) * row_bytes_;
      device::mbarrier_arrive_expect(&full_[load_stage_], loading_.bytes());
      device::bulk_load(pieces_[load_stage_], row + loading_.offset(), loading_.bytes(), &full_[load_stage_]);
    }
    load_stage_ = load_stage_ + 1 == V.stages ? 0 : load_stage_ + 1;
  }

  __device__ void add_piece() {
    PieceSum<V.vectors()> sum;
    const std::uint32_t bytes = adding_.bytes();
    for (std::uint32_t ranks = adding_.ranks(); ranks != 0; ranks &= ranks - 1) {
      while (!device::mbarrier_try_wait(&full_[add_stage_], parity_)) {
      }
      sum.add(pieces_[add_stage_], bytes);
      add_stage_ = add_stage_ + 1 == V.stages ? 0 : add_stage_ + 1;
      if (add_stage_ == 0) parity_ ^= 1;
      __syncwarp();  // all lanes have read the stage that is loaded next
      load();
    }
    const std::int64_t at = static_cast<std::int64_t>(adding_.token()) * row_bytes_ + adding_.offset();
    add_biases(args_, at, bytes, sum);
    sum.store(args_.y + at, bytes);
  }

  const CombineArgs& args_;
  int row_bytes_;
  int warp_;
  int lane_;
  std::byte (&pieces_)[V.stages][V.piece_bytes];
  std::uint64_t (&full_)[V.stages];
  Work<V> loading_;
  Work<V> adding_;
  const std::byte* rows_ = nullptr;
  std::uint32_t left_ = 0;  ///< ranks whose row of the piece is still to be loaded
  int load_stage_ = 0;
  int add_stage_ = 0;
  std::uint32_t parity_ = 0;
};

}  // namespace crossdock::kernels
