#include "engine/dispatch_latency.hpp"

#include <fmt/format.h>

#include <vector>

#include "engine/dispatch_outputs.hpp"

namespace crossdock::engine {
namespace {

/// An area of `window`, laid out for T_max rows of this call's shape: it fits, the area is made for the largest shape.
core::WireBlock area_at(const PendingDispatchState& state, std::byte* window, std::int64_t slot, int source) {
  const Context& context = *state.context;
  return {.base = window + context.layout.latency_area(static_cast<int>(slot), source),
          .layout = core::make_wire_layout(state.shape, context.config.latency_max_tokens)};
}

/// The next of this source's areas, once every receiver is done with its last use.
std::int64_t take_area(PendingDispatchState& state) {
  Context& context = *state.context;
  const std::int64_t slot = context.latency_calls % context.config.latency_slots;
  if (const std::uint64_t previous = context.latency_tag[slot]; previous != 0) {
    const int call_slot = static_cast<int>(sequence_of(previous) % kNumSlots);
    const WaitFor free{.operation = "dispatch",
                       .phase = "release",
                       .slot = call_slot,
                       .index = signal_index(SignalKind::kRelease, call_slot),
                       .tag = previous};
    context.faults.wait(free, context.live());
  }
  ++context.latency_calls;
  context.latency_tag[slot] = state.call->tag();
  return slot;
}

}  // namespace

void reserve_latency(PendingDispatchState& state) {
  const Context& context = *state.context;
  const std::int64_t slot = context.latency_calls % context.config.latency_slots;
  const std::uint64_t previous = context.latency_tag[slot];
  const auto own_release = signal_index(SignalKind::kRelease, static_cast<int>(sequence_of(previous) % kNumSlots));
  if (context.transport->observed(context.rank(), own_release) < previous) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "dispatch, rank {}: expected at most {} latency dispatches (latency_slots) between send and receive, "
            "got one more",
            context.rank(), context.config.latency_slots));
  }
  make_outputs(state);
}

void send_latency(PendingDispatchState& state, const DispatchInput& input) {
  const Context& context = *state.context;
  const std::int64_t slot = take_area(state);
  std::vector<cpu::RowTarget> targets(static_cast<std::size_t>(context.num_ranks()));
  for (const int peer : context.live()) {
    targets[peer].block = area_at(state, context.transport->peer_window(peer), slot, context.rank());
  }
  store(state, input, targets);
  for (const int peer : context.live()) {
    CallBlock block = dispatch_block(state, peer);
    block.latency_slot = slot;
    state.call->post(peer, block, rows_for_experts(state, peer));
  }
}

void receive_latency(PendingDispatchState& state) {
  const Context& context = *state.context;
  state.call->await_calls(dispatch_agreement(state));
  learn_counts(state);
  std::vector<cpu::SourceRows> sources(static_cast<std::size_t>(context.num_ranks()));
  for (const int source : context.live()) {
    const std::int64_t slot = state.call->call_block(source).latency_slot;
    sources[source] = {.block = area_at(state, context.transport->window().data(), slot, source),
                       .num_rows = state.plan->wire_rows[source]};
  }
  finish_outputs(state, sources);
}

}  // namespace crossdock::engine
