#include "engine/combine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <vector>

#include "base/limits.hpp"
#include "core/contract/combine_contract.hpp"
#include "core/layout/region_table.hpp"
#include "cpu/fast/reduce.hpp"
#include "cpu/fast/row_kernels.hpp"
#include "engine/combine_call.hpp"
#include "engine/dispatch_call.hpp"
#include "engine/held_memory.hpp"

namespace crossdock::engine {
namespace {

core::CombineFacts facts_of(const Context& context, const HandleState& plan) {
  return {.rank = context.rank(),
          .layout = plan.layout,
          .num_tokens = plan.route.num_tokens,
          .top_k = plan.route.top_k,
          .num_rows = plan.num_rows(),
          .num_local_experts = plan.num_local_experts,
          .rows_per_expert = plan.rows_per_expert,
          .max_hidden = context.config.hidden,
          .max_element_bytes = static_cast<std::size_t>(context.config.element_bytes)};
}

std::size_t bytes_of_rows(const PendingCombineState& state) {
  return static_cast<std::size_t>(state.plan->num_rows()) * static_cast<std::size_t>(state.hidden) *
         size_of(state.input.x.dtype);
}

std::size_t bytes_of_weights(const PendingCombineState& state) {
  if (!state.input.recv_topk_weights.given()) return 0;
  return static_cast<std::size_t>(state.plan->num_rows() * state.plan->route.top_k) * sizeof(float);
}

/// Consecutive rows of the input that one peer will read.
struct RowRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Everything but padding and the own tokens' rows.
std::vector<RowRange> rows_of_peers(const PendingCombineState& state) {
  const HandleState& plan = *state.plan;
  std::vector<RowRange> ranges;
  for (const int peer : state.context->live()) {
    if (peer == state.context->rank()) continue;
    const auto& first_row = plan.slots.first_row[peer];
    for (std::size_t entry = 0; entry < first_row.size(); ++entry) {
      const bool flat = plan.layout == Layout::kFlat;
      const std::int64_t count = flat ? plan.wire_rows[peer] : plan.counts[peer][entry];
      if (count != 0) ranges.push_back({.first = first_row[entry], .count = count});
    }
  }
  return ranges;
}

/// Peers read the copy; this rank reads its own rows where they lie.
void copy_rows(PendingCombineState& state, std::byte* to) {
  const auto* from = static_cast<const std::byte*>(state.input.x.data);
  const std::size_t row_bytes = static_cast<std::size_t>(state.hidden) * size_of(state.input.x.dtype);
  const bool stream = bytes_of_rows(state) >= cpu::kStreamFromBytes;
  const std::vector<RowRange> ranges = rows_of_peers(state);
  state.context->workers.run(static_cast<std::int64_t>(ranges.size()), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::size_t offset = static_cast<std::size_t>(ranges[i].first) * row_bytes;
      std::byte* const out[] = {to + offset};
      cpu::copy_row(from + offset, static_cast<std::size_t>(ranges[i].count) * row_bytes, out, stream);
    }
    if (stream) cpu::order_streamed_stores();
  });
}

/// Inputs have to lie in the window; those that lie elsewhere are copied in.
void place_inputs(PendingCombineState& state) {
  Context& context = *state.context;
  const void* rows = state.input.x.data;
  const void* weights = state.input.recv_topk_weights.data;
  const std::size_t row_bytes = bytes_of_rows(state);
  const std::size_t weight_bytes = bytes_of_weights(state);
  const bool rows_elsewhere = row_bytes != 0 && !context.arena->contains(rows, row_bytes);
  const bool copy_weights = weight_bytes != 0 && !context.arena->contains(weights, weight_bytes);
  core::RegionTable table;
  const std::size_t rows_at = table.add(1, rows_elsewhere ? row_bytes : 0);
  const std::size_t weights_at = table.add(1, copy_weights ? weight_bytes : 0);
  if (rows_elsewhere || copy_weights) state.copy = context.reserve(table.total());
  if (rows_elsewhere) copy_rows(state, state.copy.data + rows_at);
  if (copy_weights) std::memcpy(state.copy.data + weights_at, weights, weight_bytes);
  if (row_bytes != 0) state.rows_offset = rows_elsewhere ? state.copy.offset + rows_at : context.arena->offset_of(rows);
  if (weight_bytes != 0) {
    state.weights_offset = copy_weights ? state.copy.offset + weights_at : context.arena->offset_of(weights);
  }
}

void make_outputs(PendingCombineState& state, const CombineOptions& options) {
  const std::int64_t tokens = state.plan->route.num_tokens;
  const DType out = core::out_dtype(state.input, options);
  const bool weights = state.input.recv_topk_weights.given();
  core::RegionTable table;
  const auto y_bytes = static_cast<std::size_t>(tokens * state.hidden) * size_of(out);
  const std::size_t y_at = table.add(1, options.out_y.given() ? 0 : y_bytes);
  const std::size_t weights_at =
      table.add(1, weights ? static_cast<std::size_t>(tokens * state.plan->route.top_k) * sizeof(float) : 0);
  state.output = state.context->reserve(table.total());
  state.result.y = options.out_y.given()
                       ? options.out_y
                       : dense_view(static_cast<void*>(state.output.data + y_at), out, {tokens, state.hidden});
  if (weights) {
    state.result.topk_weights = dense_view(static_cast<void*>(state.output.data + weights_at), DType::kFp32,
                                           {tokens, static_cast<std::int64_t>(state.plan->route.top_k)});
  }
}

/// Rows that this rank receives: one a (token, rank), or one a selection in that tree.
Traffic traffic_of(const PendingCombineState& state) {
  const Context& context = *state.context;
  const core::Route& route = state.plan->route;
  const std::int64_t row_bytes = state.hidden * static_cast<std::int64_t>(size_of(state.wire_dtype));
  std::vector<std::int64_t> rows(static_cast<std::size_t>(context.num_ranks()), 0);
  if (state.plan->tree == ReductionTree::kPerSelection) {
    for (const core::Selection& selection : route.selections) {
      if (selection.rank >= 0) ++rows[selection.rank];
    }
  } else {
    std::ranges::transform(route.tokens_to, rows.begin(), [](const auto& tokens) { return tokens.size(); });
  }
  Traffic traffic{.node_bytes = route.node_rows * row_bytes};
  for (int peer = 0; peer < context.num_ranks(); ++peer) {
    traffic.logical_bytes += rows[peer] * row_bytes;
    if (peer != context.rank()) traffic.peer_bytes += rows[peer] * row_bytes;
  }
  return traffic;
}

/// Everything that can be wrong on this rank alone.
void prepare(PendingCombineState& state, const CombineOptions& options) try {
  const Context& context = *state.context;
  check_handle(context.identity, context.membership.epoch, context.rank(), state.plan.get(), "combine");
  core::check_combine(state.input, options, facts_of(*state.context, *state.plan));
  check_held(*context.arena, {.operation = "combine", .rank = context.rank()}, core::tensors_of(state.input, options));
  state.hidden = state.input.x.shape[static_cast<std::size_t>(state.input.x.num_dims - 1)];
  state.wire_dtype = core::wire_dtype(state.input, options);
  place_inputs(state);
  make_outputs(state, options);
  state.result.traffic = traffic_of(state);
} catch (const std::bad_alloc&) {
  throw base::out_of_memory("combine");
}

Agreement agreement_of(const PendingCombineState& state) {
  return engine::agreement_of(state.input, state.hidden, state.wire_dtype, state.result.y.dtype, *state.plan);
}

void post_ready(PendingCombineState& state) {
  const CallBlock block{.agreement = agreement_of(state),
                        .num_rows = state.plan->num_rows(),
                        .rows_offset = state.rows_offset,
                        .weights_offset = state.weights_offset};
  state.exposed = true;
  for (const int peer : state.context->live()) state.call->post(peer, block, state.plan->slots.first_row[peer]);
}

/// What one peer said of its rows, checked against its window before any is read.
struct ReadyRows {
  std::vector<std::int64_t> first_row;
  const std::byte* rows = nullptr;
  const float* weights = nullptr;
};

ReadyRows ready_rows(const PendingCombineState& state, int peer) {
  const Context& context = *state.context;
  const HandleState& plan = *state.plan;
  const CallBlock block = state.call->call_block(peer);
  const int entries = plan.layout == Layout::kFlat ? 1 : context.num_local_experts(peer);
  ReadyRows ready{.first_row = state.call->per_expert(peer, entries)};
  const std::size_t window_bytes = context.transport->window().size();
  const std::size_t row_bytes = static_cast<std::size_t>(state.hidden) * size_of(state.input.x.dtype);
  bool inside = block.num_rows >= 0 && block.rows_offset <= window_bytes &&
                static_cast<std::size_t>(block.num_rows) <= (window_bytes - block.rows_offset) / row_bytes &&
                block.weights_offset <= window_bytes;
  for (int entry = 0; entry < entries; ++entry) {
    const std::int64_t rows = plan.layout == Layout::kFlat
                                  ? static_cast<std::int64_t>(plan.route.tokens_to[peer].size())
                                  : plan.route.expert_rows[peer][entry];
    inside = inside && ready.first_row[entry] >= 0 && ready.first_row[entry] + rows <= block.num_rows;
  }
  if (!inside) {
    const Error error(
        ErrorCode::kInvalidArgument,
        fmt::format("combine, rank {}: rows of rank {}: expected {} rows inside its window of {} bytes at offset {}",
                    context.rank(), peer, block.num_rows, window_bytes, block.rows_offset));
    state.context->faults.record(error);
    throw Error(error);
  }
  const std::byte* window = context.transport->peer_window(peer);
  ready.rows = peer == context.rank() ? static_cast<const std::byte*>(state.input.x.data) : window + block.rows_offset;
  ready.weights = reinterpret_cast<const float*>(window + block.weights_offset);
  return ready;
}

void pull_rows(PendingCombineState& state) {
  const Context& context = *state.context;
  const HandleState& plan = *state.plan;
  std::vector<ReadyRows> ready(static_cast<std::size_t>(context.num_ranks()));
  std::vector<cpu::PeerRows> peers(ready.size());
  std::vector<const float*> weights(ready.size(), nullptr);
  for (const int peer : context.live()) {
    ready[peer] = ready_rows(state, peer);
    peers[peer] = {.rows = ready[peer].rows, .first_row = ready[peer].first_row};
    weights[peer] = ready[peer].weights;
  }
  const float* topk_weights = plan.weights.empty() ? nullptr : plan.weights.data();
  if (plan.layout == Layout::kFlat) topk_weights = nullptr;  // the caller has applied them
  if (state.input.topk_weights.given()) topk_weights = static_cast<const float*>(state.input.topk_weights.data);
  cpu::reduce_rows({.route = &plan.route,
                    .topology = context.topology,
                    .layout = plan.layout,
                    .tree = plan.tree,
                    .row_dtype = state.input.x.dtype,
                    .wire_dtype = state.wire_dtype,
                    .hidden = static_cast<int>(state.hidden),
                    .weights = topk_weights,
                    .bias0 = state.input.bias0,
                    .bias1 = state.input.bias1,
                    .peers = peers,
                    .y = state.result.y},
                   state.context->workers);
  if (state.result.topk_weights.given()) {
    cpu::collect_weights(plan.route, peers, weights, static_cast<float*>(state.result.topk_weights.data));
  }
}

}  // namespace

PendingCombineState::~PendingCombineState() {
  if (!exposed || !call || !call->is_open()) return;
  call->signal_live(SignalKind::kRead);
  context->quarantine.hold(std::move(copy.memory), signal_index(SignalKind::kRead, call->slot()), call->tag(),
                           call->epoch(), call->live());
}

std::unique_ptr<PendingCombineState> combine_send(const std::shared_ptr<Context>& context,
                                                  std::shared_ptr<const HandleState> plan, const CombineInput& input,
                                                  const CombineOptions& options) {
  auto state = std::make_unique<PendingCombineState>();
  state->context = context;
  state->plan = std::move(plan);
  state->input = input;
  context->faults.raise_sticky();
  try {
    prepare(*state, options);
  } catch (const Error& error) {
    Call(context, "combine").reject(error);
    throw;
  }
  state->call.emplace(context, "combine");
  post_ready(*state);
  return state;
}

void combine_receive(PendingCombineState& state) {
  Call& call = *state.call;
  call.check_epoch();
  call.await_calls(agreement_of(state));
  pull_rows(state);
  call.signal_live(SignalKind::kRead);
  call.await(SignalKind::kRead, "read");
  state.exposed = false;
  state.result.memory = std::move(state.output.memory);
  call.finish();
}

}  // namespace crossdock::engine
