// The pieces of tokens that one warp goes through, with the ranks that hold a row of each.
#pragma once

#include "base/math.hpp"
#include "kernels/combine/combine_args.hpp"
#include "kernels/combine/combine_variant.hpp"

namespace crossdock::kernels {

/// bf16.
__device__ __forceinline__ int row_bytes_of(const CombineArgs& args) { return 2 * args.hidden; }

template <CombineVariant V>
class Work {
 public:
  /// Pieces first, first + stride, ... of all tokens' rows.
  __device__ Work(const CombineArgs& args, int first, int stride)
      : args_(args),
        row_bytes_(row_bytes_of(args)),
        per_row_(base::div_up(row_bytes_, V.piece_bytes)),
        token_step_(stride / per_row_),
        piece_step_(stride % per_row_),
        at_{first / per_row_, first % per_row_},
        slot_(read(at_.token)),
        next_slot_(read(next(at_).token)) {}

  __device__ bool done() const { return at_.token >= args_.num_tokens; }
  __device__ int token() const { return at_.token; }
  __device__ std::int32_t offset() const { return at_.piece * V.piece_bytes; }
  __device__ std::uint32_t bytes() const {
    return static_cast<std::uint32_t>(min(V.piece_bytes, row_bytes_ - offset()));
  }
  /// Of the lane's rank, -1 = no row there.
  __device__ std::int32_t slot() const { return slot_; }
  __device__ std::uint32_t ranks() const { return __ballot_sync(~0U, slot_ >= 0); }

  /// Slots are read a piece ahead.
  __device__ void advance() {
    at_ = next(at_);
    slot_ = next_slot_;
    next_slot_ = read(next(at_).token);
  }

 private:
  struct Place {
    int token;
    int piece;
  };

  __device__ Place next(const Place& place) const {
    const int piece = place.piece + piece_step_;
    const int carry = piece >= per_row_ ? 1 : 0;
    return {place.token + token_step_ + carry, piece - carry * per_row_};
  }

  __device__ std::int32_t read(int token) const {
    const int rank = static_cast<int>(threadIdx.x % 32);
    if (token >= args_.num_tokens || rank >= args_.port.num_ranks) return -1;
    return __ldg(args_.slots + static_cast<std::int64_t>(token) * args_.port.num_ranks + rank);
  }

  const CombineArgs& args_;
  int row_bytes_;
  int per_row_;
  int token_step_;
  int piece_step_;
  Place at_;
  std::int32_t slot_;
  std::int32_t next_slot_;
};

}  // namespace crossdock::kernels
