#include "bench/rank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

#include "bench/experts.hpp"
#include "bench/verify.hpp"
#include "crossdock/group.hpp"
#include "note.hpp"

namespace crossdock::tools::bench {
namespace {

template <typename Call>
double seconds_of(Rendezvous& rendezvous, const Call& call) {
  rendezvous.wait();
  const auto begin = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void keep(const Tally& tally, OperationRecord& record) {
  record.verified_bytes = tally.bytes();
  record.differences = tally.differences();
  const std::size_t length = std::min(tally.first().size(), record.first_difference.size() - 1);
  std::copy_n(tally.first().begin(), length, record.first_difference.begin());
}

class RankBench {
 public:
  RankBench(const Scenario& scenario, const World& world, Rendezvous& rendezvous, Measurements& measurements)
      : scenario_(scenario),
        rank_(world.rank()),
        rendezvous_(rendezvous),
        measurements_(measurements),
        record_(measurements.record(static_cast<std::size_t>(rank_))),
        group_(world, scenario.config) {}

  void run() {
    say("making inputs");
    make_inputs();
    say("timing dispatch");
    time_dispatch();
    if (scenario_.verify) {
      say("comparing dispatch with the reference");
      keep(verify_dispatch(scenario_, last_set(), rank_, results_[index(last_set())], progress()), record_.dispatch);
    }
    say("running the experts");
    run_experts();
    say("timing combine");
    time_combine();
    if (scenario_.verify) {
      say("comparing combine with the reference");
      keep(verify_combine(scenario_, last_set(), rank_, combined_, progress()), record_.combine);
    }
    rendezvous_.wait();
  }

 private:
  static std::size_t index(int set) { return static_cast<std::size_t>(set); }
  int num_sets() const { return static_cast<int>(scenario_.sets.size()); }
  int set_of(std::size_t call) const { return static_cast<int>(call % scenario_.sets.size()); }
  int last_set() const { return set_of(measurements_.calls() - 1); }

  void say(const char* what) const {
    if (rank_ == 0) print_note("{}: {}", name_of(mode_of(scenario_.layout)), what);
  }

  Progress progress() {
    return [this, next = 0.25](double share) mutable {
      rendezvous_.note_progress();
      if (rank_ != 0 || share < next) return;
      print_note("  {:.0f} %", share * 100);
      next = share + 0.25;
    };
  }

  void make_inputs() {
    for (int set = 0; set < num_sets(); ++set) {
      auto& memory = x_.emplace_back(static_cast<std::size_t>(scenario_.tokens) * scenario_.x_row_bytes());
      for (std::int64_t token = 0; token < scenario_.tokens; ++token) {
        std::byte* row = memory.data() + static_cast<std::size_t>(token) * scenario_.x_row_bytes();
        fill_x_row(scenario_, set, rank_, token, {row, scenario_.x_row_bytes()});
      }
    }
  }

  DispatchInput input(int set) const {
    const Routing& routing = scenario_.sets[index(set)];
    const std::size_t first = routing.at(rank_, 0);
    return {
        .x = dense_view(std::as_const(x_[index(set)]).data(), scenario_.x_dtype, {scenario_.tokens, scenario_.hidden}),
        .topk_idx = dense_view(routing.experts.data() + first, DType::kInt32, {scenario_.tokens, routing.top_k}),
        .topk_weights = dense_view(routing.weights.data() + first, DType::kFp32, {scenario_.tokens, routing.top_k})};
  }

  void time_dispatch() {
    results_.resize(scenario_.sets.size());
    for (std::size_t call = 0; call < measurements_.calls(); ++call) {
      const DispatchInput given = input(set_of(call));
      DispatchResult& result = results_[index(set_of(call))];
      result = {};
      measurements_.dispatch_seconds(call, index(rank_)) =
          seconds_of(rendezvous_, [&] { result = group_.dispatch(given, scenario_.dispatch_options()); });
    }
    const DispatchResult& last = results_[index(last_set())];
    record_.dispatch.rows = last.num_rows;
    record_.dispatch.traffic = last.traffic;
  }

  /// Writes combine's input into the window, where it is read in place; the dispatched rows are given back.
  void run_experts() {
    for (DispatchResult& result : results_) {
      const auto& shape = result.x.shape;
      Group::Allocation rows = result.x.num_dims == 3
                                   ? group_.allocate(scenario_.combine_dtype, {shape[0], shape[1], shape[2]})
                                   : group_.allocate(scenario_.combine_dtype, {shape[0], shape[1]});
      apply_experts(scenario_, rank_, result, rows.view);
      rows_.push_back(std::move(rows));
      handles_.push_back(result.handle);
      result = {};
    }
  }

  void time_combine() {
    for (std::size_t call = 0; call < measurements_.calls(); ++call) {
      const std::size_t set = index(set_of(call));
      combined_ = {};
      measurements_.combine_seconds(call, index(rank_)) =
          seconds_of(rendezvous_, [&] { combined_ = group_.combine(handles_[set], {.x = rows_[set].view}); });
    }
    record_.combine.rows = scenario_.tokens;
    record_.combine.traffic = combined_.traffic;
  }

  const Scenario& scenario_;
  int rank_;
  Rendezvous& rendezvous_;
  Measurements& measurements_;
  RankRecord& record_;
  Group group_;
  std::vector<std::vector<std::byte>> x_;  ///< one a set, as the rest
  std::vector<DispatchResult> results_;
  std::vector<Group::Allocation> rows_;
  std::vector<Handle> handles_;
  CombineResult combined_;
};

}  // namespace

void run_rank(const Scenario& scenario, std::size_t limit_copy_bytes, const World& world, Rendezvous& rendezvous,
              Measurements& measurements) {
  if (world.rank() == 0) print_note("{}: measuring the copy limit", name_of(mode_of(scenario.layout)));
  measure_copies(rendezvous, limit_copy_bytes, measurements.record(static_cast<std::size_t>(world.rank())).copies);
  RankBench(scenario, world, rendezvous, measurements).run();
}

}  // namespace crossdock::tools::bench
