#include "engine/dispatch_throughput.hpp"

#include <fmt/format.h>

#include <new>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "engine/dispatch_outputs.hpp"

namespace crossdock::engine {
namespace {

/// Rows that the wire block holds. In kFlat it is the output itself, so it has the output's size.
std::int64_t wire_capacity(const PendingDispatchState& state) {
  const std::int64_t rows = state.plan->wire_slots.num_rows;
  return state.options.layout == Layout::kFlat ? state.plan->capacity.value_or(rows) : rows;
}

void check_capacity(const PendingDispatchState& state) {
  const HandleState& plan = *state.plan;
  if (!plan.capacity || plan.num_rows() <= *plan.capacity) return;
  const int rank = state.context->rank();
  throw Error(ErrorCode::kCapacityExceeded,
              fmt::format("dispatch: rank {} would receive {} rows, max_recv_rows is {}", rank, plan.num_rows(),
                          *plan.capacity),
              {.peer = rank, .expected = plan.num_rows(), .observed = *plan.capacity});
}

/// Room for everything that will arrive, before any of it is allowed to.
void reserve_room(PendingDispatchState& state) {
  check_capacity(state);
  const auto layout = core::make_wire_layout(state.shape, wire_capacity(state));
  state.wire = state.context->reserve(layout.total);
  make_outputs(state);
}

void send_replies(const PendingDispatchState& state, const std::optional<Error>& refused) {
  const Context& context = *state.context;
  const Call& call = *state.call;
  for (const int source : context.live()) {
    ReplyBlock block{.tag = call.tag(), .offset = state.wire.offset};
    if (refused) {
      block.refused.set(*refused);
    } else {
      block.block_rows = wire_capacity(state);
      block.first_row = state.plan->wire_slots.first_row[source][0];
    }
    context.transport->put(source, context.layout.control().reply(call.slot(), context.rank()),
                           std::as_bytes(std::span(&block, 1)));
    call.signal(source, SignalKind::kReply);
  }
}

/// All ranks see the same replies, so all fail with the refusal of the same rank: the lowest.
void raise_refusal(const PendingDispatchState& state, const ReplyBlock& reply, int receiver) {
  const ErrorText& text = reply.refused;
  throw Error(static_cast<ErrorCode>(text.code), text.text(),
              {.operation = "dispatch",
               .phase = "reply",
               .rank = state.context->rank(),
               .peer = receiver,
               .channel = state.call->slot(),
               .epoch = state.call->epoch(),
               .expected = text.expected,
               .observed = text.observed});
}

/// The credit of one receiver, checked against its window before a byte is written.
cpu::RowTarget target_of(const PendingDispatchState& state, const ReplyBlock& reply, int receiver) {
  const auto rows = static_cast<std::int64_t>(state.plan->route.tokens_to[receiver].size());
  const auto layout = core::make_wire_layout(state.shape, reply.block_rows);
  const std::size_t window_bytes = state.context->transport->window().size();
  const bool inside = reply.offset >= state.context->layout.arena_begin() && reply.offset <= window_bytes &&
                      layout.total <= window_bytes - reply.offset && reply.first_row >= 0 &&
                      reply.first_row + rows <= reply.block_rows;
  if (!inside) {
    const Error error(
        ErrorCode::kInvalidArgument,
        fmt::format("dispatch, rank {}: reply of rank {}: expected rows inside its window of {} bytes, got "
                    "rows {} to {} of {} at offset {}",
                    state.context->rank(), receiver, window_bytes, reply.first_row, reply.first_row + rows,
                    reply.block_rows, reply.offset));
    state.context->faults.record(error);
    throw Error(error);
  }
  return {.block = {.base = state.context->transport->peer_window(receiver) + reply.offset, .layout = layout},
          .first_row = reply.first_row};
}

std::vector<cpu::RowTarget> await_credit(PendingDispatchState& state) {
  const Context& context = *state.context;
  state.call->await(SignalKind::kReply, "reply");
  std::vector<ReplyBlock> replies(static_cast<std::size_t>(context.num_ranks()));
  for (const int receiver : context.live()) {
    replies[receiver] = context.read<ReplyBlock>(context.layout.control().reply(state.call->slot(), receiver));
    if (replies[receiver].refused.code >= 0) {
      state.credited = false;  // nobody writes after a refusal: everybody sees it
      raise_refusal(state, replies[receiver], receiver);
    }
  }
  std::vector<cpu::RowTarget> targets(replies.size());
  for (const int receiver : context.live()) targets[receiver] = target_of(state, replies[receiver], receiver);
  return targets;
}

}  // namespace

void send_throughput(PendingDispatchState& state, const DispatchInput& input) {
  const Call& call = *state.call;
  for (const int peer : state.context->live())
    call.post(peer, dispatch_block(state, peer), rows_for_experts(state, peer));
  call.await_calls(dispatch_agreement(state));
  std::optional<Error> refused;
  try {
    learn_counts(state);
    reserve_room(state);
  } catch (const Error& error) {
    refused = error;
  } catch (const std::bad_alloc&) {
    refused = base::out_of_memory("dispatch");
  }
  state.credited = !refused;
  send_replies(state, refused);
  store(state, input, await_credit(state));
  call.signal_live(SignalKind::kRows);
}

void receive_throughput(PendingDispatchState& state) {
  state.call->await(SignalKind::kRows, "rows");
  state.credited = false;
  const core::WireBlock block{.base = state.wire.data,
                              .layout = core::make_wire_layout(state.shape, wire_capacity(state))};
  std::vector<cpu::SourceRows> sources;
  for (int source = 0; source < state.context->num_ranks(); ++source) {
    sources.push_back({.block = block,
                       .first_row = state.plan->wire_slots.first_row[source][0],
                       .num_rows = state.plan->wire_rows[source]});
  }
  finish_outputs(state, sources);
}

}  // namespace crossdock::engine
