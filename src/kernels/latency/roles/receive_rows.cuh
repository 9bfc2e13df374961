// A warp gives its part of an arrived row to every expert that the row is for.
#pragma once

#include "device/ptx/vector.cuh"
#include "device/sync/empty.cuh"
#include "device/sync/wait.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/selection_word.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// [source][expert] rows of each, as LatencyBoard::expert_rows.
using ExpertRows = std::int32_t[device::kMaxExperts + device::kMaxPeers];

/// A row is some parts of its bytes, and one part that is all else. Parts are dealt to the warps of the grid, token by
/// token through all sources; each is here when none of its words is empty, and its warp leaves it empty.
class RowReceiver {
 public:
  __device__ RowReceiver(const LatencyReceiveArgs& args, const std::int32_t* num_tokens, const ExpertRows& rows,
                         std::uint64_t tag)
      : args_(args),
        num_tokens_(num_tokens),
        rows_(rows),
        tag_(tag),
        area_(area_at(args.port, args.port.rank, args.area, tag)),
        lane_(static_cast<int>(threadIdx.x % 32)),
        vectors_(args.row_bytes / static_cast<int>(sizeof(uint4))),
        parts_(device::parts_of_bytes(args.row_bytes)),
        // The first block counts: it comes last.
        task_(static_cast<int>((blockIdx.x + gridDim.x - 1) % gridDim.x) * kWorkerWarps +
              static_cast<int>(threadIdx.x / 32)) {}

  /// Once num_tokens and rows are known and outputs may be written. False where this rank gave up.
  __device__ bool run(std::int32_t most_tokens) {
    const int stride = static_cast<int>(gridDim.x) * kWorkerWarps;
    for (choose(); token_ < most_tokens; choose()) {
      if (token_ < num_tokens_[source_]) {
        if (!(part_ == parts_ ? receive_beside() : receive_part())) return false;
        if (is_selection()) device::make_empty(selections() + lane_);
      }
      task_ += stride;
    }
    return true;
  }

 private:
  static constexpr int kTogether = 7;  ///< vectors of a lane
  static constexpr int kPartVectors = 32 * kTogether;
  static_assert(device::kPartBytes == kPartVectors * sizeof(uint4));

  __device__ void choose() {
    const int row = task_ / (parts_ + 1);
    part_ = task_ - row * (parts_ + 1);
    token_ = row / args_.port.num_ranks;
    source_ = row - token_ * args_.port.num_ranks;
  }

  /// Loads until all of the part is here.
  __device__ bool await() {
    const device::Awaited awaited{device::Operation::kDispatch, device::Phase::kRows, args_.port.rank, source_, false};
    return device::wait_for_data([this](unsigned polls) { return load(polls); }, tag_, awaited, args_.limit);
  }

  __device__ bool receive_part() {
    if (!await()) return false;
    const Places places = find_places();
    store_part(places);
    if (!has_row_) return true;
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (vector(i) < vectors_) device::make_empty(row_vectors() + vector(i));
    }
    return true;
  }

  /// Selections, weights and scales, 64 scales at a time.
  __device__ bool receive_beside() {
    for (first_word_ = 0; first_word_ == 0 || (has_row_ && first_word_ < args_.scale_words); first_word_ += 64) {
      if (!await()) return false;
      const Places places = find_places();
      if (first_word_ == 0) store_selection(places);
      if (!has_row_ || args_.out.scales == nullptr) continue;
      store_scales(places);
      for (int i = 0; i < 2; ++i) {
        if (word(i) < args_.scale_words) device::make_empty(row_scales() + word(i));
      }
    }
    return true;
  }

  __device__ std::int64_t row() const { return static_cast<std::int64_t>(source_) * args_.max_tokens + token_; }
  __device__ bool is_selection() const { return lane_ < args_.top_k; }
  __device__ std::int64_t rows_per_expert() const {
    return static_cast<std::int64_t>(args_.port.num_ranks) * args_.max_tokens;
  }

  __device__ int vector(int i) const { return part_ * kPartVectors + i * 32 + lane_; }
  __device__ int word(int i) const { return first_word_ + i * 32 + lane_; }
  __device__ uint4* row_vectors() const { return reinterpret_cast<uint4*>(area_ + args_.area.x) + row() * vectors_; }
  __device__ std::uint32_t* row_scales() const {
    return reinterpret_cast<std::uint32_t*>(area_ + args_.area.scales) + row() * args_.scale_words;
  }
  /// The part's own copy.
  __device__ uint2* selections() const {
    return reinterpret_cast<uint2*>(area_ + args_.area.selections) + (row() * (parts_ + 1) + part_) * args_.top_k;
  }
  __device__ const std::uint64_t* mark() const {
    return reinterpret_cast<const std::uint64_t*>(area_ + args_.area.marks) + row();
  }

  /// True in all lanes where all of the part has come. A row without a selection of this rank has nothing else.
  __device__ bool load(unsigned polls) {
    const bool is_marked = polls % device::kPollsBetweenMarks == 0 && device::is_marked(mark(), tag_);
    const uint2 selection = device::load_peer_if(selections() + lane_, is_selection());
    load_values();
    word_ = is_selection() ? static_cast<std::int32_t>(selection.x) : kNoSelection;
    weight_ = __uint_as_float(selection.y);
    has_row_ = __any_sync(~0U, word_ >= 0);
    const bool is_here = !has_row_ || is_marked || !values_look_empty();
    return __all_sync(~0U, is_here && !device::looks_empty(selection));
  }

  __device__ void load_values() {
    if (part_ == parts_) {
      const bool has_scales = args_.out.scales != nullptr;
      values_[0].x = device::load_peer_if(row_scales() + word(0), has_scales && word(0) < args_.scale_words);
      values_[0].y = device::load_peer_if(row_scales() + word(1), has_scales && word(1) < args_.scale_words);
      return;
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      values_[i] = device::load_peer_if(row_vectors() + vector(i), vector(i) < vectors_);
    }
  }

  __device__ bool values_look_empty() const {
    if (part_ == parts_) return device::looks_empty(values_[0].x) || device::looks_empty(values_[0].y);
    bool result = false;
#pragma unroll
    for (const uint4& value : values_) result = result || device::looks_empty(value);
    return result;
  }

  /// Rows of the layout that the arrived one is for.
  struct Places {
    std::int64_t of_lane;  ///< of its selection, or -1
    bool is_own;           ///< no earlier selection has it
    std::uint32_t lanes;   ///< with a row of their own
  };

  __device__ Places find_places() const {
    Places places{place_of_lane(), word_ >= 0 && !is_repeated(word_), 0};
    places.lanes = __ballot_sync(~0U, places.is_own);
    return places;
  }

  __device__ void store_part(const Places& places) const {
    for (std::uint32_t left = places.lanes; left != 0; left &= left - 1) {
      const std::int64_t to_row = __shfl_sync(~0U, places.of_lane, __ffs(static_cast<int>(left)) - 1);
      auto* to = reinterpret_cast<uint4*>(args_.out.x) + to_row * vectors_;
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (vector(i) < vectors_) device::store_once(to + vector(i), values_[i]);
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

  __device__ void store_selection(const Places& places) const {
    const PaddedRows& out = args_.out;
    const std::int64_t place = places.of_lane;
    const std::int64_t at = row() * args_.top_k + lane_;
    if (is_selection() && args_.positions != nullptr) args_.positions[at] = static_cast<std::int32_t>(place);
    if (place >= 0 && args_.kept_weights != nullptr) args_.kept_weights[at] = weight_;
    if (!places.is_own) return;
    if (out.weights != nullptr) out.weights[place] = weight_;
    if (out.source_token != nullptr) out.source_token[place] = token_;
  }

  __device__ void store_scales(const Places& places) const {
    const PaddedRows& out = args_.out;
    const int expert = word_ >= 0 ? expert_of(word_) : 0;
    const std::int64_t at =
        expert * out.scale_expert_stride + (places.of_lane - expert * rows_per_expert()) * out.scale_row_stride;
    for (std::uint32_t left = places.lanes; left != 0; left &= left - 1) {
      std::uint32_t* to = out.scales + __shfl_sync(~0U, at, __ffs(static_cast<int>(left)) - 1);
      if (word(0) < args_.scale_words) to[word(0) * out.scale_word_stride] = values_[0].x;
      if (word(1) < args_.scale_words) to[word(1) * out.scale_word_stride] = values_[0].y;
    }
  }

  const LatencyReceiveArgs& args_;
  const std::int32_t* num_tokens_;  ///< by source, in shared memory
  const ExpertRows& rows_;
  std::uint64_t tag_;
  std::byte* area_;  ///< of the call's turn, in the own window
  int lane_;
  int vectors_;
  int parts_;
  int task_;
  int part_ = 0;
  int token_ = 0;
  int source_ = 0;
  int first_word_ = 0;  ///< of the scales that are received together
  bool has_row_ = false;
  std::int32_t word_ = kNoSelection;
  float weight_ = 0;
  uint4 values_[kTogether] = {};
};

}  // namespace crossdock::kernels
