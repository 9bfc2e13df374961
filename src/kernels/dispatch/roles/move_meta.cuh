// A meta warp: what belongs to a row beside x. Scales, and the token's selections as the receiving rank sees them.
#pragma once

#include "kernels/dispatch/roles/target.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

class MetaMover {
 public:
  __device__ MetaMover(const DispatchArgs& args, const DispatchEntry& entry)
      : args_(args),
        entry_(entry),
        lane_(static_cast<int>(threadIdx.x % 32)),
        scale_words_(scales_ride(args) ? 0 : args.scale_words) {}

  /// Tokens first, first + stride, ...
  __device__ void run(int first, int stride) const {
    for (int token = first; token < args_.num_tokens; token += kTogether * stride) {
      Token tokens[kTogether];
#pragma unroll
      for (int i = 0; i < kTogether; ++i) tokens[i] = read(token + i * stride);
#pragma unroll
      for (int i = 0; i < kTogether; ++i) move(token + i * stride, tokens[i]);
    }
  }

 private:
  /// Tokens whose loads are in flight together: one at a time, the loads' latency was the time of an FP8 dispatch.
  static constexpr int kTogether = 4;

  /// A lane a rank, a lane a selection, a lane a scale word.
  struct Token {
    std::int32_t slot = -1;
    int expert = -1;
    float weight = 0;
    std::uint32_t words[2] = {};
  };

  __device__ std::uint32_t scale_word(int token, int word) const {
    return __ldg(args_.scales + token * args_.scale_row_stride + word * args_.scale_word_stride);
  }

  __device__ Token read(int token) const {
    Token result;
    if (token >= args_.num_tokens) return result;
    result.slot = slot_of(args_, token, lane_);
    if (lane_ < args_.top_k) {
      const std::int64_t index = static_cast<std::int64_t>(token) * args_.top_k + lane_;
      result.expert = expert_at(args_.topk_idx, args_.idx_is_64, index, args_.num_experts);
      if (args_.topk_weights != nullptr) result.weight = __ldg(args_.topk_weights + index);
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int word = lane_ + 32 * i;
      if (word < scale_words_) result.words[i] = scale_word(token, word);
    }
    return result;
  }

  __device__ void move(int token, const Token& current) const {
    if (args_.with_tokens && current.slot >= 0) {
      auto* tokens = reinterpret_cast<std::int32_t*>(args_.port.windows[lane_] + entry_.offers[lane_].tokens);
      tokens[entry_.first_row[lane_] + current.slot] = token;
    }
    for (std::uint32_t left = __ballot_sync(~0U, current.slot >= 0); left != 0; left &= left - 1) {
      const int rank = __ffs(static_cast<int>(left)) - 1;
      const std::int64_t row = entry_.first_row[rank] + __shfl_sync(~0U, current.slot, rank);
      if (scale_words_ > 0) move_scales(token, current, rank, row);
      if (lane_ < args_.top_k) move_selection(current, rank, row);
    }
  }

  __device__ void move_scales(int token, const Token& current, int rank, std::int64_t row) const {
    auto* out = reinterpret_cast<std::uint32_t*>(args_.port.windows[rank] + entry_.offers[rank].scales) +
                row * args_.scale_words;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int word = lane_ + 32 * i;
      if (word < scale_words_) out[word] = current.words[i];
    }
    for (int word = lane_ + 64; word < scale_words_; word += 32) {
      out[word] = scale_word(token, word);
    }
  }

  __device__ void move_selection(const Token& current, int rank, std::int64_t row) const {
    const device::Offer& offer = entry_.offers[rank];
    std::byte* const window = args_.port.windows[rank];
    const ExpertRange experts = experts_of(rank, args_.num_experts, args_.port.num_ranks);
    const bool mine = current.expert >= experts.first && current.expert < experts.first + experts.count;
    const int local = mine ? current.expert - experts.first : -1;
    const std::int64_t at = row * args_.top_k + lane_;
    if (args_.recv_idx_is_64) {
      reinterpret_cast<long long*>(window + offer.idx)[at] = local;
    } else {
      reinterpret_cast<int*>(window + offer.idx)[at] = local;
    }
    if (args_.topk_weights != nullptr) {
      reinterpret_cast<float*>(window + offer.weights)[at] = mine ? current.weight : 0.0F;
    }
  }

  const DispatchArgs& args_;
  const DispatchEntry& entry_;
  int lane_;
  int scale_words_;  ///< that do not ride with the rows
};

}  // namespace crossdock::kernels
