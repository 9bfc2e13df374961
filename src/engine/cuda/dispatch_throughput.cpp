#include "engine/cuda/dispatch_throughput.hpp"

#include <algorithm>

#include "base/math.hpp"
#include "engine/cuda/pieces.hpp"
#include "kernels/cast/cast.hpp"
#include "kernels/dispatch/dispatch.hpp"
#include "kernels/expand/expand.hpp"
#include "kernels/routing/routing.hpp"

namespace crossdock::engine::cuda {
namespace {

bool is_flat(const PendingDispatch& state) { return state.options.layout == Layout::kFlat; }

/// Bytes beside x of one row that arrives; in kFlat they are outputs, the indices in the caller's type.
struct RowParts {
  std::int64_t scales = 0;
  std::int64_t idx = 0;
  std::int64_t weights = 0;
};

RowParts parts_of(const PendingDispatch& state) {
  const std::size_t idx = is_flat(state) ? size_of(state.plan->idx_dtype) : sizeof(std::int32_t);
  return {.scales = 4 * state.format.scale_words,
          .idx = state.format.top_k * static_cast<std::int64_t>(idx),
          .weights = state.format.weights_given ? 4 * std::int64_t{state.format.top_k} : 0};
}

/// Rows that the receive block is made for. Where the host waits for the count it is the worst case, or what the window
/// has room for, and x is trimmed after.
std::int64_t wire_capacity(const PendingDispatch& state) {
  const std::int64_t most = most_wire_rows(state, state.context->config.max_tokens);
  if (is_flat(state) && !is_exact(state)) return *state.plan->capacity;
  const RowParts parts = parts_of(state);
  const std::int64_t bytes = row_bytes(state.format) + parts.scales + parts.idx + 2 * parts.weights + 4;
  const auto room = static_cast<std::int64_t>(state.context->arena->largest_free());
  // kExpertContiguous makes its outputs when the counts are known.
  const std::int64_t part = is_flat(state) ? room : room / 2;
  return std::clamp<std::int64_t>((part - (1 << 16)) / bytes, 0, most);
}

void reserve_source_arrays(PendingDispatch& state) {
  if (state.cached) return;
  SourceArrays& source = state.plan->source;
  const std::int64_t tokens = state.plan->tokens;
  const int ranks = state.context->num_ranks();
  Pieces pieces;
  pieces.add(source.slots, tokens * ranks);
  pieces.add(source.rank_rows, ranks);
  pieces.add(source.expert_rows, state.context->config.num_experts);
  pieces.add(source.selections, tokens * state.format.top_k);
  Reservation memory = state.context->reserve(pieces.total());
  pieces.set_base(memory.data);
  source.memory = std::move(memory.memory);
}

void reserve_receiver_arrays(PendingDispatch& state, std::int64_t wire_rows) {
  ReceiverArrays& receiver = state.plan->receiver;
  const int ranks = state.context->num_ranks();
  const bool expert_layout = !is_flat(state);
  const bool keeps_weights = expert_layout && state.format.weights_given;
  const bool needs_source_weights = keeps_weights && state.options.tree == ReductionTree::kPerSelection;
  Pieces pieces;
  pieces.add(receiver.first_rows, ranks);
  pieces.add(receiver.source_first, ranks);
  pieces.add(receiver.source_rows, ranks);
  pieces.add(receiver.failed, 1);
  if (needs_source_weights) pieces.add(receiver.source_weights, state.plan->tokens * state.format.top_k);
  if (keeps_weights) pieces.add(receiver.weights, wire_rows * state.format.top_k);
  if (expert_layout) pieces.add(receiver.tokens, wire_rows);
  Reservation memory = state.context->reserve(pieces.total());
  pieces.set_base(memory.data);
  if (expert_layout) state.context->credits.add(state.sequence, memory, state.launch.captured);
  receiver.memory = std::move(memory.memory);
  if (needs_source_weights && state.plan->tokens > 0) {
    check(cudaMemcpyAsync(receiver.source_weights, state.input.topk_weights.data, state.input.topk_weights.num_bytes(),
                          cudaMemcpyDeviceToDevice, state.launch.stream),
          "cudaMemcpyAsync");
  }
}

/// Where rows arrive. Weights and tokens of the expert layouts belong to the handle.
void reserve_arrival(PendingDispatch& state, std::int64_t wire_rows) {
  CudaContext& context = *state.context;
  const RowParts parts = parts_of(state);
  const auto count = static_cast<std::size_t>(wire_rows);
  core::RegionTable small;
  const std::size_t scales_at = small.add(count, static_cast<std::size_t>(parts.scales));
  const std::size_t idx_at = small.add(count, static_cast<std::size_t>(parts.idx));
  const std::size_t weights_at = small.add(is_flat(state) ? count : 0, static_cast<std::size_t>(parts.weights));
  state.small = context.reserve(small.total());
  state.rows = context.reserve(count * static_cast<std::size_t>(row_bytes(state.format)));
  state.offer = {.x = state.rows.offset,
                 .scales = state.small.offset + scales_at,
                 .idx = state.small.offset + idx_at,
                 .weights = state.small.offset + weights_at,
                 .capacity = wire_rows};
  for (const Reservation* memory : {&state.small, &state.rows})
    context.credits.add(state.sequence, *memory, state.launch.captured);
  if (is_flat(state)) return;
  const ReceiverArrays& receiver = state.plan->receiver;
  state.offer.tokens = context.offset_of(receiver.tokens);
  if (receiver.weights != nullptr) state.offer.weights = context.offset_of(receiver.weights);
}

kernels::DispatchArgs arguments(CudaContext& context, const device::Terms& terms) {
  return {.port = context.port(),
          .board = context.layout.board(),
          .channel = &context.own_words()->dispatch,
          .terms = terms,
          .num_experts = context.config.num_experts,
          .limit = context.limit()};
}

void launch_routing(const PendingDispatch& state) {
  const CudaContext& context = *state.context;
  const SourceArrays& source = state.plan->source;
  std::byte* window = context.windows->peer_window(context.rank());
  kernels::launch_routing(
      {.topk_idx = state.input.topk_idx.data,
       .idx_is_64 = state.plan->idx_dtype == DType::kInt64,
       .num_tokens = static_cast<int>(state.plan->tokens),
       .top_k = state.format.top_k,
       .num_experts = context.config.num_experts,
       .num_ranks = context.num_ranks(),
       .rank = context.rank(),
       .live = context.port().live,
       .channel = &context.own_words()->dispatch,
       .slots = source.slots,
       .rank_rows = source.rank_rows,
       .expert_rows = source.expert_rows,
       .selections = source.selections,
       .scratch = device::routing_scratch(window + context.layout.routing_scratch(), context.config.max_tokens),
       .limit = context.limit()},
      state.launch.stream);
}

void launch_dispatch(PendingDispatch& state) {
  CudaContext& context = *state.context;
  const CudaHandle& plan = *state.plan;
  const ConstTensorView& scales = state.input.scales;
  kernels::DispatchArgs args = arguments(context, CudaContext::terms_of(state.facts.agreement));
  args.num_tokens = static_cast<int>(plan.tokens);
  args.top_k = state.format.top_k;
  args.row_bytes = static_cast<int>(row_bytes(state.format));
  args.x = static_cast<const std::byte*>(state.input.x.data);
  if (scales.given()) {
    args.scale_words = static_cast<int>(state.format.scale_words);
    args.scale_row_stride = scales.strides[0];
    args.scale_word_stride = scales.strides[1];
    args.scales = static_cast<const std::uint32_t*>(scales.data);
  }
  args.topk_idx = state.cached ? plan.source.selections : state.input.topk_idx.data;
  args.idx_is_64 = !state.cached && plan.idx_dtype == DType::kInt64;
  args.recv_idx_is_64 = is_flat(state) && plan.idx_dtype == DType::kInt64;
  args.topk_weights = static_cast<const float*>(state.input.topk_weights.data);
  args.slots = plan.source.slots;
  args.rank_rows = plan.source.rank_rows;
  args.expert_rows = plan.source.expert_rows;
  args.offer = state.offer;
  args.with_tokens = !is_flat(state);
  args.is_contiguous = !is_flat(state);
  // Where the host waits for the count nothing lies past the end.
  args.clear_past_the_end = is_flat(state) && !is_exact(state);
  args.layout_capacity = plan.capacity.value_or(std::numeric_limits<std::int64_t>::max());
  args.expert_alignment = plan.expert_alignment;
  args.tokens_per_expert = static_cast<std::int32_t*>(state.result.tokens_per_expert.data);
  args.first_rows = plan.receiver.first_rows;
  args.source_first = plan.receiver.source_first;
  args.source_rows = plan.receiver.source_rows;
  args.num_rows = static_cast<std::int64_t*>(state.result.device_num_rows.data);
  args.failed = plan.receiver.failed;
  args.outcome = state.outcome;
  args.host_waits = is_exact(state);
  kernels::launch_dispatch(args, state.launch.num_sms, kernels::dispatch_variants().front(), state.launch.stream);
}

/// The host goes on as soon as the counts are known; rows may still fly.
void await_counts(PendingDispatch& state) {
  CudaContext& context = *state.context;
  if (!is_exact(state)) {
    state.result.num_rows = -1;
    state.plan->rows = *state.plan->capacity;
    return;
  }
  context.await(*state.outcome);
  context.credits.complete_before(state.sequence);
  state.result.num_rows = state.outcome->num_rows;
  state.plan->rows = state.outcome->num_rows;
  state.plan->wire_rows = state.outcome->wire_rows;
}

void make_flat(PendingDispatch& state) {
  DispatchResult& result = state.result;
  const CudaContext& context = *state.context;
  std::byte* window = context.windows->peer_window(context.rank());
  const std::int64_t rows = state.plan->rows;
  const auto view = [&](std::uint64_t offset, DType dtype, std::int64_t columns) {
    return dense_view(static_cast<void*>(window + offset), dtype, {rows, columns});
  };
  context.arena->trim(state.rows, static_cast<std::size_t>(rows * row_bytes(state.format)));
  result.x = view(state.offer.x, state.format.x_dtype, state.format.hidden);
  result.topk_idx = view(state.offer.idx, state.plan->idx_dtype, state.format.top_k);
  if (state.format.weights_given) result.topk_weights = view(state.offer.weights, DType::kFp32, state.format.top_k);
  if (state.format.scale_words == 0) return;
  result.scales = view(state.offer.scales, state.format.scale_dtype, state.format.scale_words);
}

/// Scales in columns and rows in the caller's memory are made from what arrived. `columns` holds the former.
void finish_flat(PendingDispatch& state, Reservation& columns) {
  DispatchResult& result = state.result;
  const auto* num_rows = static_cast<const std::int64_t*>(result.device_num_rows.data);
  if (state.format.scale_words != 0 && state.options.scale_order == ScaleOrder::kColumnMajor) {
    const TensorView by_row = result.scales;
    OutputTable table;
    table.add_column_major(result.scales, state.format.scale_dtype, {state.plan->rows, state.format.scale_words});
    columns = state.context->reserve(table.total());
    table.set_base(columns.data);
    kernels::launch_transpose_scales({.from = static_cast<const std::uint32_t*>(by_row.data),
                                      .to = static_cast<std::uint32_t*>(result.scales.data),
                                      .words = static_cast<int>(state.format.scale_words),
                                      .word_stride = result.scales.strides[1],
                                      .num_rows = num_rows},
                                     state.launch.num_sms, state.launch.stream);
  }
  if (!state.options.out_x.given()) return;
  kernels::launch_copy_rows({.from = static_cast<const std::byte*>(result.x.data),
                             .to = static_cast<std::byte*>(state.options.out_x.data),
                             .row_bytes = row_bytes(state.format),
                             .num_rows = num_rows},
                            state.launch.num_sms, state.launch.stream);
  result.x = state.options.out_x;
  result.x.shape[0] = state.plan->rows;
}

void reserve_positions(PendingDispatch& state) {
  Pieces pieces;
  pieces.add(state.plan->receiver.positions, state.plan->wire_rows * state.format.top_k);
  Reservation memory = state.context->reserve(pieces.total());
  pieces.set_base(memory.data);
  state.plan->receiver.position_memory = std::move(memory.memory);
}

/// tokens_per_expert and the row count are there already: the dispatch kernel needed them.
void make_contiguous(PendingDispatch& state, Reservation& output) {
  DispatchResult& result = state.result;
  const std::int64_t rows = state.plan->rows;
  OutputTable table;
  if (!state.options.out_x.given()) table.add(result.x, state.format.x_dtype, {rows, state.format.hidden});
  add_scales(state, table, {rows, state.format.scale_words});
  if (state.format.weights_given) table.add(result.topk_weights, DType::kFp32, {rows});
  table.add(result.expert_offsets, DType::kInt64, {state.context->num_local_experts() + 1});
  table.add(result.row_expert, DType::kInt32, {rows});
  table.add(result.source, DType::kInt32, {rows, 3});
  output = state.context->reserve(table.total());
  table.set_base(output.data);
  if (!state.options.out_x.given()) return;
  result.x = state.options.out_x;
  result.x.shape[0] = rows;
}

void launch_expand(const PendingDispatch& state) {
  const CudaContext& context = *state.context;
  const DispatchResult& result = state.result;
  const ReceiverArrays& receiver = state.plan->receiver;
  const std::byte* window = context.windows->peer_window(context.rank());
  const int words = static_cast<int>(state.format.scale_words);
  kernels::ExpandArgs args{.num_ranks = context.num_ranks(),
                           .top_k = state.format.top_k,
                           .num_local_experts = context.num_local_experts(),
                           .row_bytes = static_cast<int>(row_bytes(state.format)),
                           .scale_words = words};
  args.arrived = {.x = window + state.offer.x,
                  .scales = words == 0 ? nullptr : reinterpret_cast<const std::uint32_t*>(window + state.offer.scales),
                  .idx = reinterpret_cast<const std::int32_t*>(window + state.offer.idx),
                  .weights = receiver.weights,
                  .tokens = receiver.tokens,
                  .first_row = receiver.source_first,
                  .num_rows = receiver.source_rows};
  args.expert_alignment = state.plan->expert_alignment;
  args.capacity = state.plan->rows;
  args.x = static_cast<std::byte*>(result.x.data);
  args.scales = static_cast<std::uint32_t*>(result.scales.data);
  args.scale_strides = {.row = result.scales.strides[0], .word = result.scales.strides[1]};
  args.weights = static_cast<float*>(result.topk_weights.data);
  args.tokens_per_expert = static_cast<std::int32_t*>(result.tokens_per_expert.data);
  args.num_rows = static_cast<std::int64_t*>(result.device_num_rows.data);
  args.expert_offsets = static_cast<std::int64_t*>(result.expert_offsets.data);
  args.row_expert = static_cast<std::int32_t*>(result.row_expert.data);
  args.source = static_cast<std::int32_t*>(result.source.data);
  args.positions = receiver.positions;
  args.gave_up = context.limit().gave_up;
  args.failed = receiver.failed;
  kernels::launch_expand(args, state.launch.num_sms, state.launch.stream);
}

}  // namespace

void reserve_throughput(PendingDispatch& state) {
  add_counts(state);
  reserve_outputs(state);
  reserve_source_arrays(state);
  state.temporary = prepare_rows(state);
  const std::int64_t wire_rows = wire_capacity(state);
  state.plan->wire_rows = wire_rows;
  reserve_receiver_arrays(state, wire_rows);
  reserve_arrival(state, std::min(wire_rows, wire_capacity(state)));
}

void send_throughput(PendingDispatch& state) {
  if (!state.cached) launch_routing(state);
  launch_dispatch(state);
}

void receive_throughput(PendingDispatch& state) {
  await_counts(state);
  Reservation more;
  if (is_flat(state)) {
    make_flat(state);
    finish_flat(state, more);
    state.result.memory = together({state.small.memory, state.rows.memory, state.output.memory, more.memory});
    keep_for_replays(state);
    return;
  }
  reserve_positions(state);
  make_contiguous(state, more);
  launch_expand(state);
  state.result.memory = together({state.output.memory, more.memory});
  keep_for_replays(state);
}

void reject_throughput(CudaContext& context, const Launch& launch, const device::Terms& terms) {
  kernels::DispatchArgs args = arguments(context, terms);
  args.outcome = &context.device->words().nobody_looks;
  kernels::launch_dispatch(args, launch.num_sms, kernels::dispatch_variants().front(), launch.stream);
}

}  // namespace crossdock::engine::cuda
