// A warp gives its part of an arrived row to every expert that the row is for.
#pragma once

#include "base/math.hpp"
#include "device/ptx/vector.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/selection_word.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// [source][expert] rows of each, as LatencyBoard::expert_rows.
using ExpertRows = std::int32_t[device::kMaxExperts + device::kMaxPeers];

/// A row is some parts of its bytes, and one part that is all else. Parts are dealt to the warps of the grid, token by
/// token through all sources; each waits for its row alone.
class RowReceiver {
 public:
  __device__ RowReceiver(const LatencyReceiveArgs& args, const std::int32_t* num_tokens, const ExpertRows& rows)
      : args_(args),
        num_tokens_(num_tokens),
        rows_(rows),
        lane_(static_cast<int>(threadIdx.x % 32)),
        vectors_(args.row_bytes / static_cast<int>(sizeof(uint4))),
        parts_(base::div_up(vectors_, kPartVectors)),
        // The first block counts: it comes last.
        task_(static_cast<int>((blockIdx.x + gridDim.x - 1) % gridDim.x) * kWorkerWarps +
              static_cast<int>(threadIdx.x / 32)) {}

  /// Once num_tokens and rows are known and outputs may be written. False where this rank gave up.
  __device__ bool run(std::int32_t most_tokens, std::uint64_t tag) {
    const int stride = static_cast<int>(gridDim.x) * kWorkerWarps;
    for (choose(); token_ < most_tokens; choose()) {
      if (token_ < num_tokens_[source_]) {
        if (!await(tag)) return false;
        load();
        store();
      }
      task_ += stride;
    }
    return true;
  }

 private:
  static constexpr int kTogether = 7;  ///< vectors of a lane
  static constexpr int kPartVectors = 32 * kTogether;

  __device__ void choose() {
    const int row = task_ / (parts_ + 1);
    part_ = task_ - row * (parts_ + 1);
    token_ = row / args_.port.num_ranks;
    source_ = row - token_ * args_.port.num_ranks;
  }

  __device__ bool await(std::uint64_t tag) const {
    const std::uint64_t* flag = row_flag(args_.port, args_.port.rank, args_.flags, row(), 0, 1);
    const device::Awaited awaited{device::Operation::kDispatch, device::Phase::kRows, args_.port.rank, source_, false};
    return await_rows(lane_ == 0 ? flag : nullptr, tag, awaited, args_.limit);
  }

  __device__ std::int64_t row() const { return static_cast<std::int64_t>(source_) * args_.max_tokens + token_; }
  __device__ bool is_selection() const { return lane_ < args_.top_k; }
  __device__ std::int64_t rows_per_expert() const {
    return static_cast<std::int64_t>(args_.port.num_ranks) * args_.max_tokens;
  }

  __device__ void load() {
    const LatencyRows& arrived = args_.arrived;
    const std::int64_t at = row() * args_.top_k + lane_;
    word_ = is_selection() ? __ldcg(arrived.selections + at) : -1;
    if (part_ == parts_) {
      if (arrived.weights != nullptr && is_selection()) weight_ = __ldcg(arrived.weights + at);
      values_[0] = {scale(lane_), scale(lane_ + 32), 0, 0};
      return;
    }
    const int first = part_ * kPartVectors + lane_;
    const auto* from = reinterpret_cast<const uint4*>(arrived.x) + row() * vectors_ + first;
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      values_[i] = device::load_peer_if(from + i * 32, first + i * 32 < vectors_);
    }
  }

  __device__ void store() const {
    const std::int64_t place = place_of_lane();
    const bool is_own = word_ >= 0 && !is_repeated(word_);
    const std::uint32_t places = __ballot_sync(~0U, is_own);
    if (part_ == parts_) {
      store_selection(place, is_own);
      if (args_.out.scales != nullptr) store_scales(place, places);
      return;
    }
    const int first = part_ * kPartVectors + lane_;
    for (std::uint32_t left = places; left != 0; left &= left - 1) {
      const std::int64_t to_row = __shfl_sync(~0U, place, __ffs(static_cast<int>(left)) - 1);
      auto* to = reinterpret_cast<uint4*>(args_.out.x) + to_row * vectors_ + first;
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (first + i * 32 < vectors_) device::store_once(to + i * 32, values_[i]);
      }
    }
  }

  /// Row of the layout of the lane's selection, or -1.
  __device__ std::int64_t place_of_lane() const {
    if (word_ < 0) return -1;
    const int expert = expert_of(word_);
    std::int64_t place = expert * rows_per_expert() + ordinal_of(word_);
    for (int source = 0; source < source_; ++source) place += rows_[source * args_.num_local_experts + expert];
    return place;
  }

  __device__ void store_selection(std::int64_t place, bool is_own) const {
    const PaddedRows& out = args_.out;
    const std::int64_t at = row() * args_.top_k + lane_;
    if (is_selection() && args_.positions != nullptr) args_.positions[at] = static_cast<std::int32_t>(place);
    if (place >= 0 && args_.kept_weights != nullptr) args_.kept_weights[at] = weight_;
    if (!is_own) return;
    if (out.weights != nullptr) out.weights[place] = weight_;
    if (out.source_token != nullptr) out.source_token[place] = token_;
  }

  __device__ std::uint32_t scale(int word) const {
    const LatencyRows& arrived = args_.arrived;
    if (args_.out.scales == nullptr || word >= args_.scale_words) return 0;
    return __ldcg(arrived.scales + row() * args_.scale_words + word);
  }

  __device__ void store_scales(std::int64_t place, std::uint32_t places) const {
    const PaddedRows& out = args_.out;
    const int expert = word_ >= 0 ? expert_of(word_) : 0;
    const std::int64_t at =
        expert * out.scale_expert_stride + (place - expert * rows_per_expert()) * out.scale_row_stride;
    for (int word = lane_; word - lane_ < args_.scale_words; word += 64) {
      const std::uint32_t first = word == lane_ ? values_[0].x : scale(word);
      const std::uint32_t second = word == lane_ ? values_[0].y : scale(word + 32);
      for (std::uint32_t left = places; left != 0; left &= left - 1) {
        std::uint32_t* to = out.scales + __shfl_sync(~0U, at, __ffs(static_cast<int>(left)) - 1);
        if (word < args_.scale_words) to[word * out.scale_word_stride] = first;
        if (word + 32 < args_.scale_words) to[(word + 32) * out.scale_word_stride] = second;
      }
    }
  }

  const LatencyReceiveArgs& args_;
  const std::int32_t* num_tokens_;  ///< by source, in shared memory
  const ExpertRows& rows_;
  int lane_;
  int vectors_;
  int parts_;
  int task_;
  int part_ = 0;
  int token_ = 0;
  int source_ = 0;
  std::int32_t word_ = -1;
  float weight_ = 0;
  uint4 values_[kTogether] = {};
};

}  // namespace crossdock::kernels
