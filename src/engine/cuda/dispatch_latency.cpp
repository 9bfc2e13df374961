#include "engine/cuda/dispatch_latency.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/cuda/call.hpp"
#include "engine/cuda/pieces.hpp"
#include "kernels/latency/latency.hpp"

namespace crossdock::engine::cuda {
namespace {

int next_slot(const CudaContext& context) {
  return static_cast<int>(context.latency_dispatches % context.config.latency_slots);
}

void add_outputs(PendingDispatch& state) {
  DispatchResult& result = state.result;
  OutputTable& table = state.table;
  const std::int64_t experts = state.context->num_local_experts();
  const std::int64_t rows = std::int64_t{state.context->num_ranks()} * state.context->config.latency_max_tokens;
  if (!state.options.out_x.given()) table.add(result.x, state.format.x_dtype, {experts, rows, state.format.hidden});
  add_scales(state, table, {experts, rows, state.format.scale_words});
  if (state.format.weights_given) table.add(result.topk_weights, DType::kFp32, {experts, rows});
  table.add(result.source_count, DType::kInt32, {experts, state.context->num_ranks()});
  table.add(result.source_begin, DType::kInt32, {experts, state.context->num_ranks()});
  table.add(result.source_token, DType::kInt32, {experts, rows});
  add_counts(state);
}

void reserve_handle(PendingDispatch& state) {
  CudaHandle& plan = *state.plan;
  const int ranks = state.context->num_ranks();
  plan.wire_rows = std::int64_t{ranks} * state.context->config.latency_max_tokens;
  plan.rows = state.context->num_local_experts() * plan.wire_rows;
  const bool weighted = state.format.weights_given;
  Pieces source;
  Pieces receiver;
  if (!state.cached) source.add(plan.source.selections, plan.tokens * plan.top_k());
  receiver.add(plan.receiver.source_first, ranks);
  receiver.add(plan.receiver.source_rows, ranks);
  receiver.add(plan.receiver.failed, 1);
  receiver.add(plan.receiver.positions, plan.wire_rows * plan.top_k());
  if (weighted) receiver.add(plan.receiver.weights, plan.wire_rows * plan.top_k());
  if (weighted && plan.tree == ReductionTree::kPerSelection) {
    receiver.add(plan.receiver.source_weights, plan.tokens * plan.top_k());
  }
  if (!state.cached) {
    Reservation memory = state.context->reserve(source.total());
    source.set_base(memory.data);
    plan.source.memory = std::move(memory.memory);
  }
  Reservation memory = state.context->reserve(receiver.total());
  receiver.set_base(memory.data);
  plan.receiver.memory = std::move(memory.memory);
}

void copy_source_weights(const PendingDispatch& state) {
  float* to = state.plan->receiver.source_weights;
  if (to == nullptr || state.plan->tokens == 0) return;
  check(cudaMemcpyAsync(to, state.input.topk_weights.data, state.input.topk_weights.num_bytes(),
                        cudaMemcpyDeviceToDevice, state.launch.stream),
        "cudaMemcpyAsync");
}

kernels::LatencySendArgs send_arguments(CudaContext& context, int slot, const device::Terms& terms) {
  return {.port = context.port(),
          .latency_board = context.layout.dispatch_board(slot),
          .board = context.layout.board(),
          .area = context.layout.dispatch_area(slot),
          .channel = &context.own_words()->latency_send[slot],
          .terms = terms,
          .max_tokens = context.config.latency_max_tokens,
          .top_k = 1,
          .num_experts = context.config.num_experts,
          .limit = context.limit(),
          .alone = context.has_gpu_alone()};
}

kernels::LatencyReceiveArgs receive_arguments(CudaContext& context, int slot, const device::Terms& terms) {
  return {.port = context.port(),
          .latency_board = context.layout.dispatch_board(slot),
          .board = context.layout.board(),
          .area = context.layout.dispatch_area(slot),
          .channel = &context.own_words()->latency_receive[slot],
          .terms = terms,
          .max_tokens = context.config.latency_max_tokens,
          .num_local_experts = context.num_local_experts(),
          .limit = context.limit(),
          .alone = context.has_gpu_alone()};
}

/// An expert's rows follow the table of outputs.
kernels::PaddedRows outputs(const DispatchResult& result) {
  return {.x = static_cast<std::byte*>(result.x.data),
          .scales = static_cast<std::uint32_t*>(result.scales.data),
          .scale_expert_stride = result.scales.strides[0],
          .scale_row_stride = result.scales.strides[1],
          .scale_word_stride = result.scales.strides[2],
          .weights = static_cast<float*>(result.topk_weights.data),
          .tokens_per_expert = static_cast<std::int32_t*>(result.tokens_per_expert.data),
          .num_rows = static_cast<std::int64_t*>(result.device_num_rows.data),
          .source_count = static_cast<std::int32_t*>(result.source_count.data),
          .source_begin = static_cast<std::int32_t*>(result.source_begin.data),
          .source_token = static_cast<std::int32_t*>(result.source_token.data)};
}

}  // namespace

void check_free_slot(const CudaContext& context) {
  if (context.slot_busy[static_cast<std::size_t>(next_slot(context))] == 0) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("dispatch, rank {}: expected at most {} latency dispatches (latency_slots) between send and "
                          "receive, got one more",
                          context.rank(), context.config.latency_slots));
}

void reserve_latency(PendingDispatch& state) {
  add_outputs(state);
  reserve_outputs(state);
  if (state.options.out_x.given()) state.result.x = state.options.out_x;
  reserve_handle(state);
  state.temporary = prepare_rows(state);
}

void send_latency(PendingDispatch& state) {
  CudaContext& context = *state.context;
  const int slot = next_slot(context);
  copy_source_weights(state);
  const DispatchInput& input = state.input;
  kernels::LatencySendArgs args = send_arguments(context, slot, CudaContext::terms_of(state.facts.agreement));
  args.num_tokens = static_cast<int>(state.plan->tokens);
  args.top_k = state.format.top_k;
  args.hidden = static_cast<int>(state.format.hidden);
  args.x_dtype = input.x.dtype;
  args.quantize = state.options.quantize;
  args.row_bytes = static_cast<int>(row_bytes(state.format));
  args.scale_words = static_cast<int>(state.format.scale_words);
  args.x = static_cast<const std::byte*>(input.x.data);
  if (input.scales.given()) {
    args.scales = static_cast<const std::uint32_t*>(input.scales.data);
    args.scale_row_stride = input.scales.strides[0];
    args.scale_word_stride = input.scales.strides[1];
  }
  args.topk_idx = state.cached ? state.plan->source.selections : input.topk_idx.data;
  args.idx_is_64 = !state.cached && state.plan->idx_dtype == DType::kInt64;
  args.topk_weights = static_cast<const float*>(input.topk_weights.data);
  args.selections = state.plan->source.selections;
  kernels::launch_latency_send(args, context.latency_sms(), state.launch.stream);
  state.slot = slot;
  ++context.latency_dispatches;
  context.slot_busy[static_cast<std::size_t>(slot)] = 1;
}

void receive_latency(PendingDispatch& state, bool directly) {
  CudaContext& context = *state.context;
  kernels::LatencyReceiveArgs args =
      receive_arguments(context, state.slot, CudaContext::terms_of(state.facts.agreement));
  args.top_k = state.format.top_k;
  args.row_bytes = static_cast<int>(row_bytes(state.format));
  args.scale_words = static_cast<int>(state.format.scale_words);
  args.out = outputs(state.result);
  args.first_row = state.plan->receiver.source_first;
  args.num_rows = state.plan->receiver.source_rows;
  args.positions = state.plan->receiver.positions;
  args.kept_weights = state.plan->receiver.weights;
  args.failed = state.plan->receiver.failed;
  args.outcome = state.outcome;
  args.directly = directly;
  launch_call(context, "dispatch",
              [&] { kernels::launch_latency_receive(args, context.latency_sms(), state.launch.stream); });
  context.slot_busy[static_cast<std::size_t>(state.slot)] = 0;
  state.result.num_rows = -1;
  state.result.memory = std::move(state.output.memory);
  keep_for_replays(state);
}

void reject_latency(CudaContext& context, const Launch& launch, const device::Terms& terms) {
  const int slot = next_slot(context);
  ++context.latency_dispatches;
  kernels::launch_latency_send(send_arguments(context, slot, terms), context.latency_sms(), launch.stream);
  kernels::LatencyReceiveArgs args = receive_arguments(context, slot, terms);
  args.outcome = &context.device->words().nobody_looks;
  kernels::launch_latency_receive(args, context.latency_sms(), launch.stream);
}

}  // namespace crossdock::engine::cuda
