// The pieces of tokens that one warp goes through, with the ranks that hold a row of each.
#pragma once

#include "base/math.hpp"
#include "kernels/combine/combine_args.hpp"
#include "kernels/combine/combine_variant.hpp"

namespace crossdock::kernels {

template <CombineVariant V>
class Work {
 public:
  __device__ Work(const CombineArgs& args, int first, int stride)
      : args_(args),
        per_row_(base::div_up(args.row_bytes, V.piece_bytes)),
        count_(args.num_tokens * per_row_),
        stride_(stride),
        at_(first),
        slot_(read(first)),
        next_slot_(read(first + stride)) {}

  __device__ bool done() const { return at_ >= count_; }
  __device__ int token() const { return at_ / per_row_; }
  __device__ std::int64_t offset() const { return static_cast<std::int64_t>(at_ % per_row_) * V.piece_bytes; }
  __device__ std::uint32_t bytes() const {
    return static_cast<std::uint32_t>(min(static_cast<std::int64_t>(V.piece_bytes), args_.row_bytes - offset()));
  }
  /// Of the lane's rank, -1 = no row there.
  __device__ std::int32_t slot() const { return slot_; }
  __device__ std::uint32_t ranks() const { return __ballot_sync(~0U, slot_ >= 0); }

  /// Slots are read a piece ahead.
  __device__ void advance() {
    at_ += stride_;
    slot_ = next_slot_;
    next_slot_ = read(at_ + stride_);
  }

 private:
  __device__ std::int32_t read(int piece) const {
    const int rank = static_cast<int>(threadIdx.x % 32);
    if (piece >= count_ || rank >= args_.port.num_ranks) return -1;
    return __ldg(args_.slots + static_cast<std::int64_t>(piece / per_row_) * args_.port.num_ranks + rank);
  }

  const CombineArgs& args_;
  int per_row_;
  int count_;
  int stride_;
  int at_;
  std::int32_t slot_;
  std::int32_t next_slot_;
};

}  // namespace crossdock::kernels
