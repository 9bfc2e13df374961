// A warp gives its part of an arrived row to every expert that the row is for.
#pragma once

#include "device/ptx/vector.cuh"
#include "device/sync/empty.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/await_rows.cuh"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/selection_word.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// [source][expert] rows of each, as LatencyTold::expert_rows.
using ExpertRows = std::int32_t[device::kMaxExperts + device::kMaxPeers];

/// A row is some parts of its bytes, and one part that is all else. Parts are dealt to the blocks of the grid, token by
/// token through all sources; each is here when none of its words is empty, and its warp leaves it empty.
class RowReceiver {
 public:
  __device__ RowReceiver(const LatencyReceiveArgs& args, const std::int32_t* num_tokens, const ExpertRows& rows,
                         Arrival& arrival)
      : args_(args),
        num_tokens_(num_tokens),
        rows_(rows),
        arrival_(arrival),
        // The first block counts: it comes last.
        task_(static_cast<int>((blockIdx.x + gridDim.x - 1) % gridDim.x + threadIdx.x / 32 * gridDim.x)) {}

  /// Once num_tokens and rows are known and outputs may be written. False where this rank gave up.
  __device__ bool run(std::int32_t most_tokens) {
    const int stride = static_cast<int>(gridDim.x) * kWorkerWarps;
    for (choose(); token_ < most_tokens; choose()) {
      if (token_ < num_tokens_[source_]) {
        if (!(part_ == parts() ? receive_beside() : receive_part())) return false;
        if (is_selection()) device::make_empty(selections() + lane());
      }
      task_ += stride;
    }
    return true;
  }

 private:
  static constexpr int kTogether = 7;  ///< vectors of a lane
  static constexpr int kPartVectors = 32 * kTogether;
  static_assert(device::kPartBytes == kPartVectors * sizeof(uint4));
  static constexpr int kScalesTogether = 64;

  /// Found anew where they are needed: registers are short.
  __device__ int vectors() const { return args_.row_bytes / static_cast<int>(sizeof(uint4)); }
  __device__ int parts() const { return device::parts_of_bytes(args_.row_bytes); }
  /// Of the call's turn, in the own window.
  __device__ std::byte* area() const { return area_at(args_.port, args_.port.rank, args_.area, arrival_.call.tag); }
  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  __device__ bool is_selection() const { return lane() < args_.top_k; }

  __device__ void choose() {
    const int row = task_ / (parts() + 1);
    part_ = task_ - row * (parts() + 1);
    token_ = row / args_.port.num_ranks;
    source_ = row - token_ * args_.port.num_ranks;
  }

  __device__ bool receive_part() {
    uint4 values[kTogether];
    uint4* const from = row_vectors(area() + args_.area.x, row());
    const auto load = [&] {
      bool is_empty = false;
#pragma unroll
      for (int i = 0; i < kTogether; ++i) values[i] = device::load_peer_if(from + i * 32, has_vector(i));
#pragma unroll
      for (const uint4& value : values) is_empty = is_empty || device::looks_empty(value);
      return is_empty;
    };
    if (!await(load)) return false;
    const Places places = find_places();
    for (std::uint32_t left = places.lanes; left != 0; left &= left - 1) {
      uint4* const to = row_vectors(args_.out.x, __shfl_sync(~0U, places.of_lane, __ffs(static_cast<int>(left)) - 1));
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (has_vector(i)) device::store_once(to + i * 32, values[i]);
      }
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (places.lanes != 0 && has_vector(i)) device::make_empty(from + i * 32);
    }
    return true;
  }

  /// The lane's first vector of the part.
  __device__ uint4* row_vectors(std::byte* rows, std::int64_t row) const {
    return reinterpret_cast<uint4*>(rows) + row * vectors() + part_ * kPartVectors + lane();
  }
  __device__ bool has_vector(int i) const { return part_ * kPartVectors + i * 32 + lane() < vectors(); }

  /// Selections, weights and scales.
  __device__ bool receive_beside() {
    const int num_words = args_.out.scales != nullptr ? args_.scale_words : 0;
    int first = 0;
    do {
      if (!receive_scales(first, num_words)) return false;
      first += kScalesTogether;
    } while (first < num_words && has_row_);
    return true;
  }

  /// Some of the scales; with the first ones all that is said of selections.
  __device__ bool receive_scales(int first, int num_words) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    auto* const from = reinterpret_cast<std::uint32_t*>(area() + args_.area.scales) + row() * args_.scale_words;
    const int word = first + lane();
    const auto load = [&] {
      low = device::load_peer_if(from + word, word < num_words);
      high = device::load_peer_if(from + word + 32, word + 32 < num_words);
      return device::looks_empty(low) || device::looks_empty(high);
    };
    if (!await(load)) return false;
    const Places places = find_places();
    if (first == 0) store_selection(places);
    const std::int64_t at = scales_at(places.of_lane);
    for (std::uint32_t left = places.lanes; left != 0; left &= left - 1) {
      std::uint32_t* const to = args_.out.scales + __shfl_sync(~0U, at, __ffs(static_cast<int>(left)) - 1);
      if (word < num_words) to[word * args_.out.scale_word_stride] = low;
      if (word + 32 < num_words) to[(word + 32) * args_.out.scale_word_stride] = high;
    }
    if (places.lanes != 0 && word < num_words) device::make_empty(from + word);
    if (places.lanes != 0 && word + 32 < num_words) device::make_empty(from + word + 32);
    return true;
  }

  /// Waits for the selections and for what `load` loads, which says whether the lane's looks empty. A row without a
  /// selection of this rank has nothing else.
  template <typename Load>
  __device__ bool await(Load&& load) {
    const auto look = [&](unsigned polls) {
      const bool is_marked = polls % device::kPollsBetweenMarks == 0 && device::is_marked(mark(), arrival_.call.tag);
      selection_ = device::load_peer_if(selections() + lane(), is_selection());
      const bool is_empty = load();
      has_row_ = __any_sync(~0U, word() >= 0);
      return __all_sync(~0U, !device::looks_empty(selection_) && (!has_row_ || is_marked || !is_empty));
    };
    return await_rows(look, source_, args_.limit, arrival_);
  }

  __device__ std::int64_t row() const { return static_cast<std::int64_t>(source_) * args_.max_tokens + token_; }
  __device__ const std::uint64_t* mark() const {
    return reinterpret_cast<const std::uint64_t*>(area() + args_.area.marks) + row();
  }
  /// The part's own copy.
  __device__ uint2* selections() const {
    return reinterpret_cast<uint2*>(area() + args_.area.selections) + (row() * (parts() + 1) + part_) * args_.top_k;
  }

  /// Of the lane's selection.
  __device__ std::int32_t word() const {
    return is_selection() ? static_cast<std::int32_t>(selection_.x) : kNoSelection;
  }
  __device__ float weight() const { return __uint_as_float(selection_.y); }

  /// Rows of the layout that the arrived one is for.
  struct Places {
    std::int64_t of_lane;  ///< of its selection, or -1
    bool is_own;           ///< no earlier selection has it
    std::uint32_t lanes;   ///< with a row of their own
  };

  __device__ Places find_places() const {
    Places places{place_of_lane(), word() >= 0 && !is_repeated(word()), 0};
    places.lanes = __ballot_sync(~0U, places.is_own);
    return places;
  }

  __device__ std::int64_t place_of_lane() const {
    if (word() < 0) return -1;
    const int expert = expert_of(word());
    std::int64_t place = expert * rows_per_expert() + ordinal_of(word());
#pragma unroll 1  // registers are short
    for (int source = 0; source < source_; ++source) place += rows_[source * args_.num_local_experts + expert];
    return place;
  }

  __device__ std::int64_t rows_per_expert() const {
    return static_cast<std::int64_t>(args_.port.num_ranks) * args_.max_tokens;
  }

  /// The first scale of the lane's row.
  __device__ std::int64_t scales_at(std::int64_t place) const {
    const int expert = word() >= 0 ? expert_of(word()) : 0;
    return expert * args_.out.scale_expert_stride + (place - expert * rows_per_expert()) * args_.out.scale_row_stride;
  }

  __device__ void store_selection(const Places& places) const {
    const PaddedRows& out = args_.out;
    const std::int64_t place = places.of_lane;
    const std::int64_t at = row() * args_.top_k + lane();
    if (is_selection() && args_.positions != nullptr) args_.positions[at] = static_cast<std::int32_t>(place);
    if (place >= 0 && args_.kept_weights != nullptr) args_.kept_weights[at] = weight();
    if (!places.is_own) return;
    if (out.weights != nullptr) out.weights[place] = weight();
    if (out.source_token != nullptr) out.source_token[place] = token_;
  }

  const LatencyReceiveArgs& args_;
  const std::int32_t* num_tokens_;  ///< by source, in shared memory
  const ExpertRows& rows_;
  Arrival& arrival_;
  int task_;
  int part_ = 0;
  int token_ = 0;
  int source_ = 0;
  bool has_row_ = false;
  uint2 selection_ = {};  ///< of the lane
};

}  // namespace crossdock::kernels
