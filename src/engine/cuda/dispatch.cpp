#include "engine/cuda/dispatch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/limits.hpp"
#include "core/contract/reject.hpp"
#include "core/numeric/quantize.hpp"
#include "engine/cuda/call.hpp"
#include "engine/cuda/dispatch_latency.hpp"
#include "engine/cuda/dispatch_throughput.hpp"
#include "engine/cuda/memory_check.hpp"
#include "engine/held_memory.hpp"
#include "kernels/cast/cast.hpp"

namespace crossdock::engine::cuda {
namespace {

constexpr std::size_t kRowAlignment = 16;

void check_memory(const PendingDispatch& state) {
  const CudaContext& context = *state.context;
  const core::Caller caller{.operation = "dispatch", .rank = context.rank()};
  const auto tensors = core::tensors_of(state.input, state.options);
  for (const auto& [what, tensor] : tensors) check_device_memory(caller, what, tensor);
  check_alignment(caller, "out_x", state.options.out_x);
  check_held(*context.arena, caller, tensors);
}

/// A cached call shares the source's routing and gets receiver arrays of its own.
std::shared_ptr<CudaHandle> make_plan(const PendingDispatch& state, const CudaHandle* cached) {
  auto plan = std::make_shared<CudaHandle>();
  const Context& host = *state.context->host;
  plan->group = host.identity;
  plan->epoch = host.membership.epoch;
  plan->layout = state.options.layout;
  plan->tree = state.options.tree;
  plan->expert_alignment = state.options.expert_alignment;
  plan->capacity = core::row_capacity(state.options);
  plan->tokens = state.input.x.shape[0];
  plan->weights_given = state.input.topk_weights.given();
  if (cached != nullptr) {
    plan->sequence = cached->sequence;
    plan->idx_dtype = cached->idx_dtype;
    plan->top_k_of_call = cached->top_k_of_call;
    plan->source = cached->source;
  } else {
    plan->sequence = state.sequence;
    plan->idx_dtype = state.input.topk_idx.dtype;
    plan->top_k_of_call = static_cast<int>(state.input.topk_idx.shape[1]);
  }
  return plan;
}

void prepare(PendingDispatch& state, const CudaHandle* cached) try {
  const CudaContext& context = *state.context;
  const Context& host = *context.host;
  if (state.cached) check_handle(host.identity, host.membership.epoch, context.rank(), cached, "dispatch");
  core::check_dispatch(state.input, state.options,
                       dispatch_limits(context.config, context.rank(), host.topology, state.options.layout, cached));
  check_group_limits(context.config, context.rank(), state.input, state.options);
  check_memory(state);
  state.plan = make_plan(state, cached);
  if (state.launch.captured && is_exact(state)) {
    core::reject({.operation = "dispatch", .rank = context.rank()}, "max_recv_rows",
                 "a number where the stream is captured, as receive cannot wait for the count", "none");
  }
  state.format = format_of(state.input, state.options, state.plan->top_k());
  state.result.traffic = {.logical_bytes = -1, .peer_bytes = -1, .node_bytes = -1};
} catch (const std::bad_alloc&) {
  throw base::out_of_memory("dispatch");
}

void take_outcome(PendingDispatch& state) {
  state.facts = {.operation = "dispatch",
                 .agreement = agreement_of(state.format, state.options, *state.plan, state.cached),
                 .epoch = state.epoch,
                 .sequence = state.sequence};
  state.outcome = state.context->outcomes.take(state.facts, state.launch.captured, is_exact(state));
}

bool is_dense_x(const ConstTensorView& x) {
  const auto address = reinterpret_cast<std::uintptr_t>(x.data);
  return address % kRowAlignment == 0 && (x.shape[0] <= 1 || x.strides[0] == x.shape[1]);
}

/// Rows somewhere else become dense ones.
void copy_dense(PendingDispatch& state, std::byte* to) {
  const ConstTensorView& x = state.input.x;
  const std::size_t element = size_of(x.dtype);
  const std::size_t width = static_cast<std::size_t>(x.shape[1]) * element;
  const std::size_t pitch = x.shape[0] > 1 ? static_cast<std::size_t>(x.strides[0]) * element : width;
  if (x.num_elements() != 0) {
    check(cudaMemcpy2DAsync(to, width, x.data, pitch, width, static_cast<std::size_t>(x.shape[0]),
                            cudaMemcpyDeviceToDevice, state.launch.stream),
          "cudaMemcpy2DAsync");
  }
  state.input.x = dense_view(static_cast<const void*>(to), x.dtype, {x.shape[0], x.shape[1]});
}

}  // namespace

PendingDispatch::~PendingDispatch() {
  if (context->is_inherited() || received || epoch != context->host->membership.epoch) return;
  if (slot < 0) {
    if (outcome != nullptr) context->outcomes.let_go(*outcome);
    return;
  }
  try {
    dispatch_receive(*this, false);
  } catch (const Error& error) {
    context->abort(error);
  } catch (...) {
    context->device->interrupt();
  }
}

bool is_exact(const PendingDispatch& state) {
  return mode_of(state.options.layout) == Mode::kThroughput && !state.plan->capacity.has_value();
}

std::int64_t row_bytes(const RowFormat& format) {
  return format.hidden * static_cast<std::int64_t>(size_of(format.x_dtype));
}

std::int64_t most_wire_rows(const PendingDispatch& state, std::int64_t tokens_per_rank) {
  return static_cast<std::int64_t>(state.context->host->live().size()) * tokens_per_rank;
}

Reservation prepare_rows(PendingDispatch& state) {
  const ConstTensorView x = state.input.x;
  const Quantize quantize = state.options.quantize;
  const bool is_dense = is_dense_x(x);
  const bool is_latency = mode_of(state.options.layout) == Mode::kLatency;
  const bool cast = quantize != Quantize::kNone && !is_latency;  // the latency kernel quantises as it sends
  if (is_dense && !cast) return {};
  core::RegionTable table;
  const std::size_t dense_at = table.add(is_dense ? 0 : 1, x.num_bytes());
  const std::size_t rows_at = table.add(cast ? 1 : 0, static_cast<std::size_t>(x.num_elements()));
  const std::int64_t words = cast ? state.format.scale_words : 0;
  const std::size_t scales_at = table.add(static_cast<std::size_t>(x.shape[0]), 4 * static_cast<std::size_t>(words));
  Reservation memory = state.context->reserve(table.total());
  if (!is_dense) copy_dense(state, memory.data + dense_at);
  if (!cast) return memory;
  kernels::launch_quantize({.x = static_cast<const std::byte*>(state.input.x.data),
                            .dtype = x.dtype,
                            .num_rows = static_cast<int>(x.shape[0]),
                            .hidden = static_cast<int>(x.shape[1]),
                            .quantize = quantize,
                            .out = reinterpret_cast<std::uint8_t*>(memory.data + rows_at),
                            .scales = reinterpret_cast<std::uint32_t*>(memory.data + scales_at)},
                           state.launch.num_sms, state.launch.stream);
  state.input.x =
      dense_view(static_cast<const void*>(memory.data + rows_at), DType::kFp8E4m3, {x.shape[0], x.shape[1]});
  state.input.scales =
      dense_view(static_cast<const void*>(memory.data + scales_at), state.format.scale_dtype, {x.shape[0], words});
  return memory;
}

void add_scales(PendingDispatch& state, OutputTable& table, std::initializer_list<std::int64_t> shape) {
  if (state.format.scale_words == 0) return;
  if (state.options.scale_order == ScaleOrder::kColumnMajor) {
    table.add_column_major(state.result.scales, state.format.scale_dtype, shape);
  } else {
    table.add(state.result.scales, state.format.scale_dtype, shape);
  }
}

void add_counts(PendingDispatch& state) {
  state.table.add(state.result.tokens_per_expert, DType::kInt32, {state.context->num_local_experts()});
  state.table.add(state.result.device_num_rows, DType::kInt64, {1});
}

void reserve_outputs(PendingDispatch& state) {
  state.output = state.context->reserve(state.table.total());
  state.table.set_base(state.output.data);
}

void keep_for_replays(PendingDispatch& state) {
  if (!state.launch.captured) return;
  const CudaHandle& plan = *state.plan;
  state.result.memory = together({state.result.memory, state.temporary.memory, state.small.memory, state.rows.memory,
                                  plan.source.memory, plan.receiver.memory, plan.receiver.position_memory});
}

std::unique_ptr<PendingDispatch> dispatch_send(const std::shared_ptr<CudaContext>& context, bool cached,
                                               const CudaHandle* handle, const DispatchInput& input,
                                               const DispatchOptions& options) {
  context->raise_faults();
  const UseDevice use(context->device->device());
  auto state = std::make_unique<PendingDispatch>();
  state->context = context;
  state->cached = cached;
  state->input = input;
  state->options = effective_options(options, handle);
  state->epoch = context->host->membership.epoch;
  state->sequence = context->host->sequence;
  state->launch = context->launch_of(options.execution);
  const bool is_latency = mode_of(state->options.layout) == Mode::kLatency;
  if (is_latency) check_free_slot(*context);
  const auto prepare_all = [&] {
    context->order(options.execution, state->launch);
    context->check_sms(options.execution);
    prepare(*state, handle);
    is_latency ? reserve_latency(*state) : reserve_throughput(*state);
    take_outcome(*state);
  };
  const auto reject = [&](const device::Terms& terms) {
    is_latency ? reject_latency(*context, state->launch, terms) : reject_throughput(*context, state->launch, terms);
  };
  const CallPath path = is_latency ? CallPath::kLatencyDispatch : CallPath::kDispatch;
  number_call(*context, "dispatch", path, state->launch, prepare_all, reject);
  launch_call(*context, "dispatch", [&] {
    is_latency ? send_latency(*state) : send_throughput(*state);
    context->end({}, state->launch);
  });
  return state;
}

void dispatch_receive(PendingDispatch& state, bool directly) {
  const CudaContext& context = *state.context;
  const UseDevice use(context.device->device());
  context.check_epoch("dispatch", state.epoch);
  state.received = true;
  mode_of(state.options.layout) == Mode::kLatency ? receive_latency(state, directly) : receive_throughput(state);
  context.end(state.options.execution, state.launch);
}

}  // namespace crossdock::engine::cuda
