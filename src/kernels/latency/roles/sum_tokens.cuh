// A warp makes parts of tokens' rows from those that the ranks sent and what this rank's experts made.
#pragma once

#include "device/numeric/row_sum.cuh"
#include "device/port/latency_area.hpp"
#include "device/ptx/grid.cuh"
#include "device/sync/empty.cuh"
#include "device/sync/wait.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/arrival.cuh"
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
        task_(static_cast<int>(blockIdx.x) * kWorkerWarps + static_cast<int>(threadIdx.x / 32)) {}

  /// Meets the last warp once, when terms have been compared. Own rows are added first, as they need no peer, and
  /// nothing of the kernel before. False where this rank gave up.
  __device__ bool run(const Arrival& arrival) {
    bool first = true;
    do {
      begin();
      if (first && !await_terms(arrival)) return true;
      first = false;
#pragma unroll 1
      for (int i = 0; i < kAhead && task_ < num_tasks(); ++i) {
        Row sum(channel_of(task_), args_.hidden);
        if (!add(begun_[i], arrival.call.tag, sum)) return false;
        finish(sum);
        task_ += stride();
      }
    } while (task_ < num_tasks());
    return true;
  }

 private:
  static constexpr int kTogether = kType == DType::kBf16 ? 2 : 1;  ///< rows whose loads are in flight

  static __device__ int stride() { return static_cast<int>(gridDim.x) * kWorkerWarps; }
  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  __device__ int parts() const { return device::parts_of_row(args_.hidden); }
  __device__ int num_tasks() const { return args_.terms.rejected < 0 ? args_.num_tokens * parts() : 0; }

  /// A lane a selection.
  __device__ std::uint32_t ranks_of(int task) const {
    std::uint32_t rank = 0;
    if (lane() < args_.top_k) {
      const int expert = args_.selections[static_cast<std::int64_t>(task / parts()) * args_.top_k + lane()];
      if (expert >= 0) rank = 1U << rank_of(expert, args_.num_experts, args_.port.num_ranks);
    }
    return __reduce_or_sync(~0U, rank) & args_.port.live;
  }

  __device__ int channel_of(int task) const { return task % parts() * device::kSumChannels; }

  /// Whether the call has rows; then y may be written.
  __device__ bool await_terms(const Arrival& arrival) const {
    if (!args_.directly) device::wait_for_earlier_kernels();
    meet_block();
    return arrival.found.state == device::CallState::kDone;
  }

  /// This rank's bit, where its row is not in the area.
  __device__ std::uint32_t own_of(std::uint32_t ranks) const {
    return args_.own.x != nullptr ? ranks & (1U << args_.port.rank) : 0;
  }

  /// The next tasks.
  __device__ void begin() const {
    static_assert(kAhead == 2);
    if (args_.own.x != nullptr) sum_own();
    for (int i = 0; i < kAhead && task_ + i * stride() < num_tasks(); ++i) {
      const std::uint32_t ranks = ranks_of(task_ + i * stride());
      if (lane() == 0) begun_[i].ranks = ranks;
    }
    __syncwarp();
  }

  __device__ void sum_own() const {
    SelectedRows<kType> rows(ring_, args_.own.x, args_.hidden);
    rows.start(own_part(task_), own_part(task_ + stride()));
#pragma unroll 1
    for (int i = 0; i < kAhead; ++i) {
      Row sum(0, args_.hidden);
      rows.add_to(sum);
      sum.keep(begun_[i].own);
      rows.advance({});
    }
  }

  /// Of a task's token, at this rank; none where there is no such task.
  __device__ SelectedPart own_part(int task) const {
    const OwnRows& own = args_.own;
    SelectedPart result{{}, channel_of(task)};
    const int token = task / parts();
    const bool is_selection = task < num_tasks() && lane() < args_.top_k && token < __ldcg(own.num_tokens);
    if (!is_selection) return result;
    const std::int64_t at = static_cast<std::int64_t>(token) * args_.top_k + lane();
    result.selection.position = __ldcg(own.positions + at);
    if (own.weights != nullptr) result.selection.weight = own.weights[at];
    return result;
  }

  /// In the order of ranks. False where this rank gave up.
  __device__ bool add(const Begun& begun, std::uint64_t tag, Row& sum) const {
    const std::uint32_t ranks = begun.ranks;
    const std::uint32_t own = own_of(ranks);
    const std::uint32_t before = ranks & ((1U << args_.port.rank) - 1);
    std::uint32_t peers = before;
#pragma unroll 1  // once for the ranks before this one, once for those behind it
    for (int side = 0; side < 2; ++side) {
      if (!add_arriving(peers, tag, sum)) return false;
      if (side == 0 && own != 0) sum.add_kept(begun.own);
      peers = ranks & ~before & ~own;
    }
    return true;
  }

  /// Adds the rows of these ranks, ascending, as they come, and leaves them empty.
  __device__ bool add_arriving(std::uint32_t ranks, std::uint64_t tag, Row& sum) const {
    std::byte* const rows = area_at(args_.port, args_.port.rank, args_.area, tag) + args_.area.x +
                            row_offset(task_ / parts(), kType);  // of the task's token, by the first rank
    while (ranks != 0) {
      typename Row::Raw raw[kTogether];
      const device::Awaited awaited{device::Operation::kCombine, device::Phase::kRows, args_.port.rank,
                                    __ffs(static_cast<int>(ranks)) - 1, false};
      const auto look = [&](unsigned polls) { return load_arriving(rows, ranks, polls, tag, sum, raw); };
      if (!device::wait_for_data(look, tag, awaited, args_.limit)) return false;
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (ranks == 0) break;
        sum.make_empty(rows + offset_of(ranks));
        sum.add(raw[i]);
        ranks &= ranks - 1;
      }
    }
    return true;
  }

  /// Between the first rank's row and that of the lowest of these.
  __device__ std::int64_t offset_of(std::uint32_t ranks) const {
    return (__ffs(static_cast<int>(ranks)) - 1) * row_offset(args_.max_tokens, kType);
  }

  /// Loads the rows of the lowest of these ranks. True in all lanes where all of them are here.
  __device__ bool load_arriving(const std::byte* rows, std::uint32_t ranks, unsigned polls, std::uint64_t tag,
                                const Row& sum, typename Row::Raw (&raw)[kTogether]) const {
    const std::uint32_t marked = polls % device::kPollsBetweenMarks == 0 ? marked_ranks(tag) : 0;
    std::uint32_t left = ranks;
#pragma unroll
    for (int i = 0; i < kTogether; ++i, left &= left - 1) {
      sum.load_arriving(rows + offset_of(left), left != 0, raw[i]);
    }
    bool here = true;
    left = ranks;
#pragma unroll
    for (int i = 0; i < kTogether; ++i, left &= left - 1) {
      here = here && ((left & ~(left - 1) & marked) != 0 || !Row::looks_empty(raw[i]));
    }
    return __all_sync(~0U, here);
  }

  /// Ranks whose part of the task is here, whatever it looks like.
  __device__ std::uint32_t marked_ranks(std::uint64_t tag) const {
    const std::byte* const area = area_at(args_.port, args_.port.rank, args_.area, tag);
    const std::int64_t row = static_cast<std::int64_t>(lane()) * args_.max_tokens + task_ / parts();
    const auto* mark = reinterpret_cast<const std::uint64_t*>(area + args_.area.marks) + row * parts() + task_ % parts();
    const bool is_marked = is_live(args_.port, lane()) && device::is_marked(mark, tag);
    __syncwarp();
    return __ballot_sync(~0U, is_marked);
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
