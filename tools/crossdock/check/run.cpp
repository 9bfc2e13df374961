#include "check/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>

#include "check/compare.hpp"
#include "crossdock/group.hpp"

namespace crossdock::tools::check {
namespace {

/// Ordinary memory that a call writes into, poison at first.
struct Output {
  std::vector<std::byte> bytes;
  TensorView view;
};

Output make_output(DType dtype, const std::vector<std::int64_t>& shape) {
  Output output{.bytes = {}, .view = {.dtype = dtype, .num_dims = static_cast<int>(shape.size())}};
  std::int64_t stride = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    output.view.shape[d] = shape[d];
    output.view.strides[d] = stride;
    stride *= shape[d];
  }
  output.bytes.assign(std::max<std::size_t>(static_cast<std::size_t>(stride) * size_of(dtype), 16), reference::kPoison);
  output.view.data = output.bytes.data();
  return output;
}

/// One operation under way on this rank.
struct Flight {
  const Operation& operation;
  const Part& part;
  int rank;
  std::string name;
  Output out_x = {}, out_again = {}, out_y = {};
  std::optional<PendingDispatch> pending_dispatch = {};
  std::optional<PendingCombine> pending_combine = {};
  DispatchResult result = {}, again = {};
  Group::Allocation combine_rows = {};
  CombineResult combined = {};

  const reference::Dispatched& expected() const { return operation.dispatched[static_cast<std::size_t>(rank)]; }
  const reference::Dispatched& expected_again() const { return operation.again[static_cast<std::size_t>(rank)]; }
  const reference::Combined& expected_combined() const { return operation.combined[static_cast<std::size_t>(rank)]; }
  /// Half of the operations use the calls that do both halves at once.
  bool whole_calls() const { return operation.plan.key % 2 == 0; }
};

DType arriving_dtype(const RowsPlan& rows) { return rows.quantize == Quantize::kNone ? rows.dtype : DType::kFp8E4m3; }

class RankRun {
 public:
  RankRun(const Case& made, const World& world, Rendezvous& rendezvous)
      : made_(made), rendezvous_(rendezvous), group_(world, made.config) {}

  std::size_t run() {
    for (std::size_t round = 0; round < made_.rounds.size(); ++round) {
      rendezvous_.wait();  // a masked rank makes no calls, and comes back with the others
      run_round(made_.rounds[round], round);
    }
    rendezvous_.wait();
    if (!comparison_.equal()) throw std::runtime_error(comparison_.summary());
    return comparison_.bytes();
  }

 private:
  void run_round(const Round& round, std::size_t number) {
    const bool changes = number > 0 && round.live != made_.rounds[number - 1].live;
    if (!std::ranges::binary_search(round.live, group_.rank())) return;
    if (changes) group_.set_live_ranks(round.live);
    std::vector<Flight> flights;
    for (std::size_t i = 0; i < round.operations.size(); ++i) {
      const Operation& operation = round.operations[i];
      flights.push_back({.operation = operation,
                         .part = operation.parts[static_cast<std::size_t>(group_.rank())],
                         .rank = group_.rank(),
                         .name = fmt::format("round {} operation {}", number, i)});
    }
    run_pattern(round.pattern, flights);
    for (const Flight& flight : flights) check_intact(flight);
  }

  void run_pattern(Pattern pattern, std::vector<Flight>& flights) {
    if (pattern == Pattern::kInterleaved) {
      run_interleaved(flights[0], flights[1]);
    } else if (pattern == Pattern::kOverlapped) {
      run_overlapped(flights[0], flights[1]);
    } else {
      for (Flight& flight : flights) run_alone(flight);
    }
  }

  void run_alone(Flight& flight) {
    if (flight.operation.refusal) {
      expect_refusal(flight);
      return;
    }
    if (flight.whole_calls()) {
      poison_window();
      flight.result = group_.dispatch(flight.part.dispatch_input(), dispatch_options(flight));
      check_dispatch(flight);
    } else {
      send_dispatch(flight);
      receive_dispatch(flight);
    }
    dispatch_again(flight);
    if (flight.whole_calls()) {
      const CombineInput input = combine_input(flight);
      const CombineOptions options = combine_options(flight);
      poison_window();
      flight.combined = group_.combine(flight.result.handle, input, options);
      check_combine(flight);
    } else {
      send_combine(flight);
      receive_combine(flight);
    }
  }

  void run_interleaved(Flight& first, Flight& second) {
    send_dispatch(first);
    send_dispatch(second);
    receive_dispatch(second);
    receive_dispatch(first);
    dispatch_again(first);
    dispatch_again(second);
    send_combine(first);
    send_combine(second);
    receive_combine(second);
    receive_combine(first);
  }

  void run_overlapped(Flight& first, Flight& second) {
    send_dispatch(first);
    receive_dispatch(first);
    dispatch_again(first);
    send_combine(first);
    send_dispatch(second);
    receive_combine(first);
    receive_dispatch(second);
    dispatch_again(second);
    send_combine(second);
    receive_combine(second);
  }

  void send_dispatch(Flight& flight) {
    poison_window();
    flight.pending_dispatch.emplace(group_.dispatch_send(flight.part.dispatch_input(), dispatch_options(flight)));
  }

  void receive_dispatch(Flight& flight) {
    poison_window();
    flight.result = group_.dispatch_receive(std::move(*flight.pending_dispatch));
    flight.pending_dispatch.reset();
    check_dispatch(flight);
  }

  void dispatch_again(Flight& flight) {
    if (!flight.operation.plan.again) return;
    DispatchOptions options = flight.operation.again_options();
    options.max_recv_rows = flight.part.max_recv_rows;
    set_out_x(flight, *flight.operation.plan.again, flight.part.out_again_rows, flight.out_again, options);
    poison_window();
    const DispatchInput input = flight.part.again_input();
    if (flight.whole_calls()) {
      flight.again = group_.dispatch(flight.result.handle, input, options);
    } else {
      flight.again = group_.dispatch_receive(group_.dispatch_send(flight.result.handle, input, options));
    }
    comparison_.dispatched(flight.name + " cached dispatch", flight.again, flight.expected_again());
    check_tail(flight.name + " cached dispatch out_x", flight.out_again, flight.again.x);
  }

  void send_combine(Flight& flight) {
    const CombineInput input = combine_input(flight);
    const CombineOptions options = combine_options(flight);
    poison_window();
    flight.pending_combine.emplace(group_.combine_send(flight.result.handle, input, options));
  }

  void receive_combine(Flight& flight) {
    poison_window();
    flight.combined = group_.combine_receive(std::move(*flight.pending_combine));
    flight.pending_combine.reset();
    check_combine(flight);
  }

  DispatchOptions dispatch_options(Flight& flight) {
    DispatchOptions options = flight.operation.dispatch_options();
    options.max_recv_rows = flight.part.max_recv_rows;
    set_out_x(flight, flight.operation.plan.rows, flight.part.out_x_rows, flight.out_x, options);
    return options;
  }

  void set_out_x(const Flight& flight, const RowsPlan& rows, std::int64_t out_rows, Output& output,
                 DispatchOptions& options) {
    if (out_rows < 0) return;
    const std::int64_t hidden = flight.operation.plan.hidden;
    const bool padded = flight.operation.plan.layout == Layout::kExpertPadded;
    output = padded ? make_output(arriving_dtype(rows), {group_.num_local_experts(), out_rows, hidden})
                    : make_output(arriving_dtype(rows), {out_rows, hidden});
    options.out_x = output.view;
  }

  /// Rows in the window are read in place; others are copied by the library.
  CombineInput combine_input(Flight& flight) {
    CombineInput input = flight.part.combine_input();
    if (!flight.operation.plan.rows_in_window) return input;
    const auto& s = input.x.shape;
    flight.combine_rows = input.x.num_dims == 3 ? group_.allocate(input.x.dtype, {s[0], s[1], s[2]})
                                                : group_.allocate(input.x.dtype, {s[0], s[1]});
    if (input.x.num_elements() > 0) std::memcpy(flight.combine_rows.view.data, input.x.data, input.x.num_bytes());
    input.x = flight.combine_rows.view;
    return input;
  }

  CombineOptions combine_options(Flight& flight) {
    CombineOptions options = flight.operation.combine_options();
    if (flight.operation.plan.out_y) {
      const OperationPlan& plan = flight.operation.plan;
      flight.out_y = make_output(plan.out_dtype.value_or(plan.combine_dtype),
                                 {plan.tokens[static_cast<std::size_t>(flight.rank)], plan.hidden});
      options.out_y = flight.out_y.view;
    }
    return options;
  }

  void check_dispatch(const Flight& flight) {
    comparison_.dispatched(flight.name + " dispatch", flight.result, flight.expected());
    check_tail(flight.name + " dispatch out_x", flight.out_x, flight.result.x);
    const Handle& handle = flight.result.handle;
    comparison_.number(flight.name + " handle.num_tokens", handle.num_tokens(),
                       flight.operation.plan.tokens[static_cast<std::size_t>(flight.rank)]);
    comparison_.number(flight.name + " handle.layout", static_cast<int>(handle.layout()),
                       static_cast<int>(flight.operation.plan.layout));
    comparison_.number(flight.name + " handle.tree", static_cast<int>(handle.tree()),
                       static_cast<int>(flight.operation.plan.tree));
  }

  void check_combine(const Flight& flight) {
    comparison_.combined(flight.name + " combine", flight.combined, flight.expected_combined());
  }

  /// What the caller gave for x and the result does not cover.
  void check_tail(const std::string& name, const Output& output, const TensorView& x) {
    if (!output.view.given()) return;
    if (x.data != output.view.data) {
      comparison_.differs(name + ": the result is elsewhere");
      return;
    }
    const std::size_t used = x.num_bytes();
    comparison_.poison(name, output.bytes.data() + used, output.view.num_bytes() - used);
  }

  /// Later operations must not have touched results that still live.
  void check_intact(const Flight& flight) {
    if (flight.operation.refusal || !comparison_.equal()) return;
    comparison_.tensor(flight.name + " dispatch x after all", flight.result.x, flight.expected().x);
    comparison_.tensor(flight.name + " combine y after all", flight.combined.y, flight.expected_combined().y);
  }

  void expect_refusal(Flight& flight) {
    const Refusal& refusal = *flight.operation.refusal;
    try {
      flight.result = group_.dispatch(flight.part.dispatch_input(), dispatch_options(flight));
    } catch (const Error& error) {
      if (error.code() != refusal.code) throw;
      comparison_.number(flight.name + " refusal peer", error.report().peer, refusal.report.peer);
      comparison_.number(flight.name + " refusal expected", error.report().expected, refusal.report.expected);
      comparison_.number(flight.name + " refusal observed", error.report().observed, refusal.report.observed);
      if (flight.out_x.view.given()) {
        comparison_.poison(flight.name + " refused out_x", flight.out_x.bytes.data(), flight.out_x.bytes.size());
      }
      return;
    }
    comparison_.differs(fmt::format("{}: expected {}, got a result", flight.name, name_of(refusal.code)));
  }

  /// Fills all free window memory, so that what a call leaves untouched shows.
  void poison_window() {
    std::vector<Group::Allocation> pieces;
    for (std::int64_t bytes = largest_free(); bytes > 0; bytes = largest_free()) {
      pieces.push_back(group_.allocate(DType::kFp8E4m3, {bytes}));
      std::memset(pieces.back().view.data, std::to_integer<int>(reference::kPoison), static_cast<std::size_t>(bytes));
    }
  }

  /// The largest free piece: the Report of a refused allocation has it.
  std::int64_t largest_free() {
    try {
      const Group::Allocation all =
          group_.allocate(DType::kFp8E4m3, {static_cast<std::int64_t>(made_.config.window_bytes)});
      return static_cast<std::int64_t>(made_.config.window_bytes);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kWindowTooSmall) throw;
      return error.report().observed;
    }
  }

  const Case& made_;
  Rendezvous& rendezvous_;
  Group group_;
  Comparison comparison_;
};

}  // namespace

std::size_t run_rank(const Case& made, const World& world, Rendezvous& rendezvous) {
  return RankRun(made, world, rendezvous).run();
}

}  // namespace crossdock::tools::check
