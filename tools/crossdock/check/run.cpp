#include "check/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "backend.hpp"
#include "check/compare.hpp"
#include "crossdock/group.hpp"
#include "place.hpp"

namespace crossdock::tools::check {
namespace {

/// One operation under way on this rank.
struct Flight {
  const Operation& operation;
  const Part& part;
  int rank;
  std::string name;
  DispatchInput input = {}, again_input = {};
  CombineInput combine_input = {};
  TensorView out_x = {}, out_again = {}, out_y = {};
  std::optional<PendingDispatch> pending_dispatch = {};
  std::optional<PendingCombine> pending_combine = {};
  DispatchResult result = {}, again = {};
  Group::Allocation combine_rows = {};
  CombineResult combined = {};

  const reference::Dispatched& expected() const { return operation.dispatched[static_cast<std::size_t>(rank)]; }
  const reference::Dispatched& expected_again() const { return operation.again[static_cast<std::size_t>(rank)]; }
  const reference::Combined& expected_combined() const { return operation.combined[static_cast<std::size_t>(rank)]; }
  /// Without a bound on the rows the host waits to learn their number.
  bool waits_for_rows() const {
    const bool bounded = part.max_recv_rows.has_value() || part.out_x_rows >= 0;
    return operation.plan.layout != Layout::kExpertPadded && !bounded;
  }
  /// Half of the operations use the calls that do both halves at once.
  bool whole_calls() const { return operation.plan.key % 2 == 0; }
};

DType arriving_dtype(const RowsPlan& rows) { return rows.quantize == Quantize::kNone ? rows.dtype : DType::kFp8E4m3; }

class RankRun {
 public:
  RankRun(const Case& made, const World& world, Rendezvous& rendezvous, gpu::Device* device)
      : made_(made),
        rendezvous_(rendezvous),
        device_(device),
        place_(device),
        group_(world, config_for(made, device)),
        comparison_(device == nullptr) {
    if (device_ != nullptr) device_->use_stream(own_stream() ? device_->own_stream() : group_.stream());
  }

  std::size_t run() {
    for (std::size_t round = 0; round < made_.rounds.size(); ++round) {
      rendezvous_.wait();  // a masked rank makes no calls, and comes back with the others
      run_round(made_.rounds[round], round);
    }
    if (place_.on_gpu()) expect_no_error();
    rendezvous_.wait();
    if (!comparison_.equal()) throw std::runtime_error(comparison_.summary());
    return comparison_.bytes();
  }

 private:
  static GroupConfig config_for(const Case& made, const gpu::Device* device) {
    GroupConfig config = made.config;
    put_on_device(device, made.plan.num_ranks, config);
    return config;
  }

  bool own_stream() const { return made_.plan.streams != Streams::kGroup; }
  bool by_events() const { return place_.on_gpu() && made_.plan.streams == Streams::kEvents; }
  /// What the library's calls are put on.
  void* call_stream() const { return made_.plan.streams == Streams::kCaller ? device_->own_stream() : group_.stream(); }

  /// Of the next call; what this rank has put on its stream comes before it.
  Execution execution(const Flight& flight) {
    if (!place_.on_gpu()) return {};
    Execution execution;
    const std::uint64_t key = flight.operation.plan.key >> 8;
    if (key % 3 == 0)
      execution.num_sms = 1 + static_cast<int>(key / 3 % static_cast<unsigned>(group_.config().num_sms));
    if (made_.plan.streams == Streams::kCaller) execution.stream = Stream::of(device_->own_stream());
    if (by_events()) {
      device_->mark();
      execution.after = device_->before_call();
      execution.done = device_->after_call();
    }
    return execution;
  }

  /// Results of a call that has returned may be read on the own stream.
  void follow_call() {
    if (by_events()) device_->follow_call();
  }

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
      put_inputs(flights.back());
    }
    run_pattern(round.pattern, flights);
    for (const Flight& flight : flights) check_intact(flight);
    flights.clear();
    place_.clear();
  }

  /// Inputs lie where calls read them before the first call: copying them later would keep calls apart.
  void put_inputs(Flight& flight) {
    flight.input = place_.put(flight.part.dispatch_input());
    if (flight.operation.refusal) return;
    if (flight.operation.plan.again) flight.again_input = place_.put(flight.part.again_input());
    flight.combine_input = place_.put(flight.part.combine_input());
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
      flight.result = group_.dispatch(flight.input, dispatch_options(flight));
      follow_call();
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
      follow_call();
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
    flight.pending_dispatch.emplace(group_.dispatch_send(flight.input, dispatch_options(flight)));
  }

  void receive_dispatch(Flight& flight) {
    poison_window();
    flight.result = group_.dispatch_receive(std::move(*flight.pending_dispatch));
    flight.pending_dispatch.reset();
    follow_call();
    check_dispatch(flight);
  }

  void dispatch_again(Flight& flight) {
    if (!flight.operation.plan.again) return;
    DispatchOptions options = flight.operation.again_options();
    options.max_recv_rows = flight.part.max_recv_rows;
    set_out_x(flight, *flight.operation.plan.again, flight.part.out_again_rows, flight.out_again, options);
    poison_window();
    options.execution = execution(flight);
    if (flight.whole_calls()) {
      flight.again = group_.dispatch(flight.result.handle, flight.again_input, options);
    } else {
      flight.again = group_.dispatch_receive(group_.dispatch_send(flight.result.handle, flight.again_input, options));
    }
    follow_call();
    compare_dispatch(flight, flight.name + " cached dispatch", flight.again, flight.expected_again());
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
    follow_call();
    check_combine(flight);
  }

  DispatchOptions dispatch_options(Flight& flight) {
    DispatchOptions options = flight.operation.dispatch_options();
    options.max_recv_rows = flight.part.max_recv_rows;
    set_out_x(flight, flight.operation.plan.rows, flight.part.out_x_rows, flight.out_x, options);
    options.execution = execution(flight);
    return options;
  }

  void set_out_x(const Flight& flight, const RowsPlan& rows, std::int64_t out_rows, TensorView& output,
                 DispatchOptions& options) {
    if (out_rows < 0) return;
    const std::int64_t hidden = flight.operation.plan.hidden;
    const bool padded = flight.operation.plan.layout == Layout::kExpertPadded;
    output = padded ? place_.make(arriving_dtype(rows), {group_.num_local_experts(), out_rows, hidden})
                    : place_.make(arriving_dtype(rows), {out_rows, hidden});
    options.out_x = output;
  }

  /// Rows in the window are read in place; others are copied by the library.
  CombineInput combine_input(Flight& flight) {
    CombineInput input = flight.combine_input;
    if (!flight.operation.plan.rows_in_window) return input;
    const auto& s = input.x.shape;
    flight.combine_rows = input.x.num_dims == 3 ? group_.allocate(input.x.dtype, {s[0], s[1], s[2]})
                                                : group_.allocate(input.x.dtype, {s[0], s[1]});
    place_.copy(flight.combine_rows.view, input.x);
    input.x = flight.combine_rows.view;
    return input;
  }

  CombineOptions combine_options(Flight& flight) {
    CombineOptions options = flight.operation.combine_options();
    if (flight.operation.plan.out_y) {
      const OperationPlan& plan = flight.operation.plan;
      flight.out_y = place_.make(plan.out_dtype.value_or(plan.combine_dtype),
                                 {plan.tokens[static_cast<std::size_t>(flight.rank)], plan.hidden});
      options.out_y = flight.out_y;
    }
    options.execution = execution(flight);
    return options;
  }

  void check_dispatch(const Flight& flight) {
    compare_dispatch(flight, flight.name + " dispatch", flight.result, flight.expected());
    check_tail(flight.name + " dispatch out_x", flight.out_x, flight.result.x);
    const Handle& handle = flight.result.handle;
    comparison_.number(flight.name + " handle.num_tokens", handle.num_tokens(),
                       flight.operation.plan.tokens[static_cast<std::size_t>(flight.rank)]);
    comparison_.number(flight.name + " handle.layout", static_cast<int>(handle.layout()),
                       static_cast<int>(flight.operation.plan.layout));
    comparison_.number(flight.name + " handle.tree", static_cast<int>(handle.tree()),
                       static_cast<int>(flight.operation.plan.tree));
  }

  void compare_dispatch(const Flight& flight, const std::string& name, const DispatchResult& got,
                        const reference::Dispatched& expected) {
    const DispatchResult host = place_.read(got);
    comparison_.dispatched(name, host, expected);
    if (!place_.on_gpu()) return;
    comparison_.number(name + " device_num_rows", *static_cast<const std::int64_t*>(host.device_num_rows.data),
                       expected.num_rows);
    if (flight.waits_for_rows() && got.num_rows < 0) comparison_.differs(name + ": the host did not wait for num_rows");
  }

  void check_combine(const Flight& flight) {
    comparison_.combined(flight.name + " combine", place_.read(flight.combined), flight.expected_combined());
  }

  /// What the caller gave for x and the result does not cover.
  void check_tail(const std::string& name, const TensorView& output, const TensorView& x) {
    if (!output.given()) return;
    if (x.data != output.data) {
      comparison_.differs(name + ": the result is elsewhere");
      return;
    }
    const std::size_t used = x.num_bytes();
    expect_poison(name, static_cast<const std::byte*>(output.data) + used, output.num_bytes() - used);
  }

  void expect_poison(const std::string& name, const void* memory, std::size_t bytes) {
    const std::vector<std::byte> copy = place_.read_bytes(memory, bytes);
    comparison_.poison(name, copy.data(), copy.size());
  }

  /// Later operations must not have touched results that still live.
  void check_intact(const Flight& flight) {
    if (flight.operation.refusal || !comparison_.equal()) return;
    comparison_.tensor(flight.name + " dispatch x after all", place_.read(flight.result.x), flight.expected().x);
    comparison_.tensor(flight.name + " combine y after all", place_.read(flight.combined.y),
                       flight.expected_combined().y);
  }

  void expect_refusal(Flight& flight) {
    const ErrorCode expected = flight.operation.refusal->code;
    try {
      flight.result = group_.dispatch(flight.input, dispatch_options(flight));
      if (place_.on_gpu()) {
        expect_late_refusal(flight);
        return;
      }
    } catch (const Error& error) {
      if (error.code() != expected) throw;
      check_refusal(flight, error);
      return;
    }
    comparison_.differs(fmt::format("{}: expected {}, got a result", flight.name, name_of(expected)));
  }

  /// status() or the next call, which is not made then, says once what became of an earlier one.
  std::optional<Error> late_error(const Flight& flight) {
    if (auto error = group_.status()) return error;
    DispatchOptions options = flight.operation.dispatch_options();
    options.max_recv_rows = flight.part.max_recv_rows;
    options.execution = execution(flight);
    try {
      group_.dispatch(flight.input, options);
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }

  /// The host has not waited: the counts of what was returned are 0.
  void expect_late_refusal(const Flight& flight) {
    follow_call();
    const DispatchResult host = place_.read(flight.result);
    comparison_.number(flight.name + " refused num_rows", host.num_rows, 0);
    const auto* counts = static_cast<const std::int32_t*>(host.tokens_per_expert.data);
    for (std::int64_t i = 0; i < host.tokens_per_expert.num_elements(); ++i) {
      comparison_.number(flight.name + " refused tokens_per_expert", counts[i], 0);
    }
    const std::optional<Error> error = late_error(flight);
    if (!error) {
      comparison_.differs(fmt::format("{}: expected {} from a later call, got nothing", flight.name,
                                      name_of(flight.operation.refusal->code)));
      return;
    }
    if (error->code() != flight.operation.refusal->code) throw Error(*error);
    check_refusal(flight, *error);
    expect_no_error();
  }

  void check_refusal(const Flight& flight, const Error& error) {
    const Report& expected = flight.operation.refusal->report;
    comparison_.number(flight.name + " refusal peer", error.report().peer, expected.peer);
    comparison_.number(flight.name + " refusal expected", error.report().expected, expected.expected);
    comparison_.number(flight.name + " refusal observed", error.report().observed, expected.observed);
    if (!flight.out_x.given()) return;
    expect_poison(flight.name + " refused out_x", flight.out_x.data, flight.out_x.num_bytes());
  }

  void expect_no_error() {
    if (const auto error = group_.status())
      comparison_.differs(fmt::format("expected no error, got {}", error->what()));
  }

  /// Fills all free window memory, so that what a call leaves untouched shows.
  void poison_window() {
    std::vector<Group::Allocation> pieces;
    // behind the calls so far, which may still use memory that they have given back
    if (by_events()) device_->use_stream(call_stream());
    for (std::int64_t bytes = largest_free(); bytes > 0; bytes = largest_free()) {
      pieces.push_back(group_.allocate(DType::kFp8E4m3, {bytes}));
      place_.poison(pieces.back().view.data, static_cast<std::size_t>(bytes));
    }
    if (!by_events()) return;
    device_->use_stream(device_->own_stream());
    device_->follow(call_stream());
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
  gpu::Device* device_;
  Place place_;
  Group group_;
  Comparison comparison_;
};

}  // namespace

std::size_t run_rank(const Case& made, const World& world, Rendezvous& rendezvous, gpu::Device* device) {
  return RankRun(made, world, rendezvous, device).run();
}

}  // namespace crossdock::tools::check
