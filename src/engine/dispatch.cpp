#include "engine/dispatch.hpp"

#include <fmt/format.h>

#include <new>

#include "base/limits.hpp"
#include "base/math.hpp"
#include "core/contract/dispatch_contract.hpp"
#include "core/numeric/quantize.hpp"
#include "cpu/fast/store_rows.hpp"
#include "engine/dispatch_latency.hpp"
#include "engine/dispatch_throughput.hpp"
#include "engine/held_memory.hpp"

namespace crossdock::engine {
namespace {

core::WireShape wire_shape(const RowFormat& format, Layout layout, DType idx_dtype) {
  const auto top_k = static_cast<std::size_t>(format.top_k);
  const bool flat = layout == Layout::kFlat;
  return {.x_bytes = static_cast<std::size_t>(format.hidden) * size_of(format.x_dtype),
          .scale_bytes = 4 * static_cast<std::size_t>(format.scale_words),
          .idx_bytes = top_k * (flat ? size_of(idx_dtype) : sizeof(std::int32_t)),
          .weight_bytes = format.weights_given ? top_k * sizeof(float) : 0,
          .token_bytes = flat ? 0 : sizeof(std::int32_t)};
}

std::shared_ptr<HandleState> make_plan(const Context& context, const DispatchInput& input,
                                       const DispatchOptions& options) {
  auto plan = std::make_shared<HandleState>();
  plan->group = context.identity;
  plan->epoch = context.membership.epoch;
  plan->layout = options.layout;
  plan->tree = options.tree;
  plan->expert_alignment = options.expert_alignment;
  plan->idx_dtype = input.topk_idx.dtype;
  plan->capacity = core::row_capacity(options);
  plan->num_local_experts = context.num_local_experts(context.rank());
  plan->rows_per_expert = static_cast<std::int64_t>(context.num_ranks()) * context.config.latency_max_tokens;
  plan->route = core::make_route(input.topk_idx, {.placement = context.placement,
                                                  .topology = context.topology,
                                                  .rank = context.rank(),
                                                  .live = context.membership.mask,
                                                  .layout = options.layout});
  return plan;
}

void keep_weights(HandleState& plan, const DispatchInput& input) {
  if (!input.topk_weights.given()) return;
  const auto* weights = static_cast<const float*>(input.topk_weights.data);
  plan.weights.assign(weights, weights + input.topk_weights.num_elements());
}

Traffic traffic_of(const Context& context, const core::Route& route, const core::WireShape& shape) {
  const auto row_bytes = static_cast<std::int64_t>(shape.x_bytes + shape.scale_bytes);
  Traffic traffic{.node_bytes = route.node_rows * row_bytes};
  for (int peer = 0; peer < context.num_ranks(); ++peer) {
    const std::int64_t bytes = static_cast<std::int64_t>(route.tokens_to[peer].size()) * row_bytes;
    traffic.logical_bytes += bytes;
    if (peer != context.rank()) traffic.peer_bytes += bytes;
  }
  return traffic;
}

/// Everything that can be wrong on this rank alone.
void prepare(PendingDispatchState& state, const HandleState* cached, const DispatchInput& input) try {
  const Context& context = *state.context;
  if (state.cached) check_handle(context.identity, context.membership.epoch, context.rank(), cached, "dispatch");
  core::check_dispatch(input, state.options,
                       dispatch_limits(context.config, context.rank(), context.topology, state.options.layout, cached));
  check_group_limits(context.config, context.rank(), input, state.options);
  check_held(*context.arena, {.operation = "dispatch", .rank = context.rank()}, core::tensors_of(input, state.options));
  state.plan = state.cached ? std::make_shared<HandleState>(*cached) : make_plan(context, input, state.options);
  keep_weights(*state.plan, input);
  state.format = format_of(input, state.options, state.plan->route.top_k);
  state.shape = wire_shape(state.format, state.options.layout, state.plan->idx_dtype);
  state.result.traffic = traffic_of(context, state.plan->route, state.shape);
} catch (const std::bad_alloc&) {
  throw base::out_of_memory("dispatch");
}

}  // namespace

PendingDispatchState::~PendingDispatchState() {
  if (credited && call && call->is_open()) {
    context->quarantine.hold(std::move(wire.memory), signal_index(SignalKind::kRows, call->slot()), call->tag(),
                             call->epoch(), call->live());
  }
}

std::unique_ptr<PendingDispatchState> dispatch_send(const std::shared_ptr<Context>& context, bool cached,
                                                    const HandleState* handle, const DispatchInput& input,
                                                    const DispatchOptions& options) {
  auto state = std::make_unique<PendingDispatchState>();
  state->context = context;
  state->cached = cached;
  state->options = effective_options(options, handle);
  context->faults.raise_sticky();
  try {
    prepare(*state, handle, input);
    if (mode_of(state->options.layout) == Mode::kLatency) reserve_latency(*state);
  } catch (const Error& error) {
    Call(context, "dispatch").reject(error);
    throw;
  }
  state->call.emplace(context, "dispatch");
  if (!cached) state->plan->sequence = sequence_of(state->call->tag());
  mode_of(state->options.layout) == Mode::kLatency ? send_latency(*state, input) : send_throughput(*state, input);
  return state;
}

void dispatch_receive(PendingDispatchState& state) {
  state.call->check_epoch();
  mode_of(state.options.layout) == Mode::kLatency ? receive_latency(state) : receive_throughput(state);
  state.call->finish();
}

Agreement dispatch_agreement(const PendingDispatchState& state) {
  return agreement_of(state.format, state.options, *state.plan, state.cached);
}

CallBlock dispatch_block(const PendingDispatchState& state, int peer) {
  return {.agreement = dispatch_agreement(state),
          .num_rows = static_cast<std::int64_t>(state.plan->route.tokens_to[peer].size())};
}

std::vector<std::int64_t> rows_for_experts(const PendingDispatchState& state, int peer) {
  const auto& rows = state.plan->route.expert_rows[peer];
  return {rows.begin(), rows.end()};
}

void learn_counts(PendingDispatchState& state) {
  if (state.cached) return;
  HandleState& plan = *state.plan;
  const Context& context = *state.context;
  plan.wire_rows.assign(context.num_ranks(), 0);
  plan.counts.assign(context.num_ranks(), std::vector<std::int32_t>(plan.num_local_experts, 0));
  for (const int source : context.live()) {
    plan.wire_rows[source] = state.call->call_block(source).num_rows;
    const auto rows = state.call->per_expert(source, plan.num_local_experts);
    for (int expert = 0; expert < plan.num_local_experts; ++expert) {
      plan.counts[source][expert] = static_cast<std::int32_t>(rows[expert]);
    }
  }
  plan.wire_slots = core::flat_slots(plan.wire_rows);
  if (plan.layout == Layout::kFlat) plan.slots = plan.wire_slots;
  if (plan.layout == Layout::kExpertContiguous) {
    plan.slots = core::contiguous_slots(plan.counts, plan.num_local_experts, plan.expert_alignment);
  }
  if (plan.layout == Layout::kExpertPadded) {
    plan.slots = core::padded_slots(plan.counts, plan.num_local_experts, plan.rows_per_expert);
  }
}

void store(PendingDispatchState& state, const DispatchInput& input, std::span<const cpu::RowTarget> targets) {
  const DType idx_dtype = state.options.layout == Layout::kFlat ? state.plan->idx_dtype : DType::kInt32;
  cpu::store_rows({.input = &input,
                   .route = &state.plan->route,
                   .quantize = state.options.quantize,
                   .wire_idx_dtype = idx_dtype,
                   .shape = state.shape,
                   .targets = targets},
                  state.context->workers);
  state.context->planted_bit.after_store(state.context->rank(), state.plan->route, targets);
}

}  // namespace crossdock::engine
