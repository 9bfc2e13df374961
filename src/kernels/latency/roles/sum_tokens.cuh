// A warp makes parts of tokens' rows from those that the ranks sent and what this rank's experts made.
#pragma once

#include "device/numeric/row_sum.cuh"
#include "device/port/latency_area.hpp"
#include "device/ptx/grid.cuh"
#include "device/sync/empty.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/await_rows.cuh"
#include "kernels/latency/roles/block.cuh"
#include "kernels/placement.cuh"
#include "kernels/selected_rows.cuh"

namespace crossdock::kernels {

template <DType kType>
class TokenSummer {
 public:
  using Row = device::RowSum<kType>;
  /// Tasks of a warp whose own rows are added before peers' are here.
  static constexpr int kAhead = 2;
  /// What is known of a task before peers' rows are here.
  struct Begun {
    typename Row::Kept own;  ///< what the experts of this rank made of its token: its row, as if it had travelled
    std::uint32_t ranks;     ///< that have experts of the token
  };
  struct Smem {
    typename device::RowRing<kType>::Smem rings[kWorkerWarps];
    Begun begun[kWorkerWarps][kAhead];
  };

  __device__ TokenSummer(const LatencySumArgs& args, Smem& smem)
      : args_(args),
        ring_(smem.rings[threadIdx.x / 32]),
        begun_(smem.begun[threadIdx.x / 32]),
        task_(static_cast<int>(blockIdx.x + threadIdx.x / 32 * gridDim.x)) {}

  /// Meets the last warp once, when terms have been compared. Own rows are added first, as they need no peer, and
  /// nothing of the kernel before. False where this rank gave up.
  __device__ bool run(Arrival& arrival) {
    bool first = true;
    do {
      begin();
      if (first && !await_terms(arrival)) return true;
      first = false;
#pragma unroll 1
      for (int i = 0; i < kAhead && task_ < num_tasks(); ++i) {
        Row sum(channel_of(task_), args_.hidden);
        if (!add(begun_[i], sum, arrival)) return false;
        finish(sum);
        task_ += stride();
      }
    } while (task_ < num_tasks());
    return true;
  }

 private:
  static __device__ int stride() { return static_cast<int>(gridDim.x) * kWorkerWarps; }
  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  __device__ int parts() const { return device::parts_of_row(args_.hidden); }
  __device__ int num_tasks() const { return args_.terms.rejected < 0 ? args_.num_tokens * parts() : 0; }

  __device__ int channel_of(int task) const { return task % parts() * device::kSumChannels; }

  /// Whether the call has rows; then y may be written.
  __device__ bool await_terms(const Arrival& arrival) const {
    if (!args_.directly) device::wait_for_earlier_kernels();
    meet_block();
    return arrival.found.state == device::CallState::kDone;
  }

  /// This rank, where its row is not in the area.
  __device__ bool is_own(int source) const { return args_.own.x != nullptr && source == args_.port.rank; }

  /// Of a task's token, a lane a selection.
  struct Chosen {
    int expert = -1;        ///< -1 = none, or no such task
    SelectedPart own = {};  ///< row of x at this rank
  };

  /// Loads without a branch, so that nothing waits for anything else. Whether the dispatch has the row is to be seen.
  __device__ Chosen load_chosen(int task) const {
    const OwnRows& own = args_.own;
    const bool exists = task < num_tasks() && lane() < args_.top_k;
    const bool has_own = exists && own.x != nullptr;
    const std::int64_t at = static_cast<std::int64_t>(task / parts()) * args_.top_k + lane();
    return {.expert = exists ? args_.selections[at] : -1,
            .own = {.selection = {.position = has_own ? __ldcg(own.positions + at) : -1,
                                  .weight = has_own && own.weights != nullptr ? own.weights[at] : 1.0F},
                    .channel = channel_of(task)}};
  }

  /// That have experts of the token.
  __device__ std::uint32_t ranks_of(int expert) const {
    const std::uint32_t rank = expert >= 0 ? 1U << rank_of(expert, args_.num_experts, args_.port.num_ranks) : 0;
    return __reduce_or_sync(~0U, rank);
  }

  /// The next tasks.
  __device__ void begin() const {
    static_assert(kAhead == 2);
    Chosen first = load_chosen(task_);
    Chosen second = load_chosen(task_ + stride());
    const std::int32_t num_tokens = args_.own.x != nullptr ? __ldcg(args_.own.num_tokens) : 0;
    const std::uint32_t sending = has_failed(args_.failed) ? 0 : args_.port.live;
    if (task_ / parts() >= num_tokens) first.own.selection.position = -1;
    if ((task_ + stride()) / parts() >= num_tokens) second.own.selection.position = -1;
    const std::uint32_t ranks[kAhead] = {ranks_of(first.expert) & sending, ranks_of(second.expert) & sending};
    if (lane() < kAhead) begun_[lane()].ranks = lane() == 0 ? ranks[0] : ranks[1];
    if (args_.own.x != nullptr) sum_own(first.own, second.own);
    __syncwarp();
  }

  __device__ void sum_own(const SelectedPart& first, const SelectedPart& second) const {
    SelectedRows<kType> rows(ring_, args_.own.x, args_.hidden);
    rows.start(first, second);
#pragma unroll 1
    for (int i = 0; i < kAhead; ++i) {
      Row sum(0, args_.hidden);
      rows.add_to(sum);
      sum.keep(begun_[i].own);
      rows.advance({});
    }
  }

  /// In the order of ranks. False where this rank gave up.
  __device__ bool add(const Begun& begun, Row& sum, Arrival& arrival) const {
    for (std::uint32_t left = begun.ranks; left != 0; left &= left - 1) {
      const int source = __ffs(static_cast<int>(left)) - 1;
      if (is_own(source)) {
        sum.add_kept(begun.own);
      } else if (!add_arriving(source, sum, arrival)) {
        return false;
      }
    }
    return true;
  }

  /// Adds the row that `source` sends, once it is here, and leaves it empty.
  __device__ bool add_arriving(int source, Row& sum, Arrival& arrival) const {
    const std::uint64_t tag = arrival.call.tag;
    std::byte* const from =
        area_at(args_.port, args_.port.rank, args_.area, tag) + args_.area.x + row_offset(arriving_row(source), kType);
    typename Row::Raw raw;
    const auto look = [&](unsigned polls) {
      const bool marked = polls % device::kPollsBetweenMarks == 0 && is_marked(source, tag);
      sum.load_arriving(from, raw);
      return __all_sync(~0U, marked || !Row::looks_empty(raw));
    };
    if (!await_rows(look, source, args_.limit, arrival)) return false;
    sum.make_empty(from);
    sum.add(raw);
    return true;
  }

  /// Of the area: the task's token.
  __device__ std::int64_t arriving_row(int source) const {
    return static_cast<std::int64_t>(source) * args_.max_tokens + task_ / parts();
  }

  __device__ bool is_marked(int source, std::uint64_t tag) const {
    const std::byte* const area = area_at(args_.port, args_.port.rank, args_.area, tag);
    const auto* marks = reinterpret_cast<const std::uint64_t*>(area + args_.area.marks);
    return device::is_marked(marks + arriving_row(source) * parts() + task_ % parts(), tag);
  }

  __device__ void finish(Row& sum) const {
    const int token = task_ / parts();
    if (args_.round_node_sum) sum.round_to(args_.wire_dtype);
    if (args_.bias0 != nullptr) sum.add_any(row_at(args_.bias0, token, args_.bias0_dtype), args_.bias0_dtype);
    if (args_.bias1 != nullptr) sum.add_any(row_at(args_.bias1, token, args_.bias1_dtype), args_.bias1_dtype);
    sum.store(args_.y + row_offset(token, args_.out_dtype), args_.out_dtype);
  }

  __device__ std::int64_t row_offset(std::int64_t token, DType dtype) const {
    return token * args_.hidden * (dtype == DType::kFp32 ? 4 : 2);
  }
  __device__ const std::byte* row_at(const std::byte* rows, std::int64_t token, DType dtype) const {
    return rows + row_offset(token, dtype);
  }

  const LatencySumArgs& args_;
  typename device::RowRing<kType>::Smem& ring_;  ///< in shared memory, as is
  Begun (&begun_)[kAhead];
  int task_;
};

}  // namespace crossdock::kernels
