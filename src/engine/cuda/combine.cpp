#include "engine/cuda/combine.hpp"

#include <fmt/format.h>

#include <array>
#include <new>
#include <utility>

#include "base/limits.hpp"
#include "core/contract/combine_contract.hpp"
#include "engine/combine_call.hpp"
#include "engine/cuda/call.hpp"
#include "engine/cuda/memory_check.hpp"
#include "engine/dispatch_call.hpp"
#include "engine/held_memory.hpp"
#include "engine/output_table.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/gather/gather.hpp"
#include "kernels/latency/latency.hpp"

namespace crossdock::engine::cuda {
namespace {

bool is_flat(const CudaHandle& plan) { return plan.layout == Layout::kFlat; }

/// Rows are pushed to static areas of the tokens' ranks.
bool is_pushed(const CudaHandle& plan) {
  return mode_of(plan.layout) == Mode::kLatency && plan.tree != ReductionTree::kPerSelection;
}

/// Rows of the expert layouts are made one a (token, rank) before they cross.
bool is_gathered(const CudaHandle& plan) { return !is_flat(plan) && plan.tree != ReductionTree::kPerSelection; }

std::int64_t bytes_of_row(const PendingCombine& state, DType dtype) {
  return state.hidden * static_cast<std::int64_t>(size_of(dtype));
}

void check_memory(const PendingCombine& state) {
  const CudaContext& context = *state.context;
  const core::Caller caller{.operation = "combine", .rank = context.rank()};
  const auto tensors = core::tensors_of(state.input, state.options);
  for (const auto& [what, tensor] : tensors) {
    check_device_memory(caller, what, tensor);
    check_alignment(caller, what, tensor);
  }
  check_held(*context.arena, caller, tensors);
}

core::CombineFacts facts_of(const CudaContext& context, const CudaHandle& plan) {
  return {.rank = context.rank(),
          .layout = plan.layout,
          .num_tokens = plan.tokens,
          .top_k = plan.top_k(),
          .num_rows = plan.rows,
          .num_local_experts = context.num_local_experts(),
          .rows_per_expert = std::int64_t{context.num_ranks()} * context.config.latency_max_tokens,
          .max_hidden = context.config.hidden,
          .max_element_bytes = static_cast<std::size_t>(context.config.element_bytes)};
}

void make_outputs(PendingCombine& state) {
  const std::int64_t tokens = state.plan->tokens;
  const std::int64_t top_k = state.plan->top_k();
  const DType out = core::out_dtype(state.input, state.options);
  OutputTable table;
  if (!state.options.out_y.given()) table.add(state.result.y, out, {tokens, state.hidden});
  if (state.input.recv_topk_weights.given()) table.add(state.result.topk_weights, DType::kFp32, {tokens, top_k});
  state.output = state.context->reserve(table.total());
  table.set_base(state.output.data);
  if (state.options.out_y.given()) state.result.y = state.options.out_y;
  state.result.traffic = {.logical_bytes = -1, .peer_bytes = -1, .node_bytes = -1};
}

void prepare(PendingCombine& state) try {
  const CudaContext& context = *state.context;
  check_handle(context.host->identity, context.host->membership.epoch, context.rank(), state.plan.get(), "combine");
  core::check_combine(state.input, state.options, facts_of(context, *state.plan));
  check_memory(state);
  state.hidden = state.input.x.shape[static_cast<std::size_t>(state.input.x.num_dims - 1)];
  state.wire_dtype = core::wire_dtype(state.input, state.options);
  make_outputs(state);
} catch (const std::bad_alloc&) {
  throw base::out_of_memory("combine");
}

bool has_to_move(const PendingCombine& state, const void* data, std::size_t bytes) {
  return bytes != 0 && !state.context->arena->contains(data, bytes);
}

void copy_in(const PendingCombine& state, std::byte* to, const void* from, std::size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, state.launch.stream), "cudaMemcpyAsync");
}

/// Input of this call that peers read, and rows that are gathered for them: in the window.
struct Shared {
  const std::byte* rows = nullptr;
  const float* recv_weights = nullptr;
  const float* topk_weights = nullptr;
  std::byte* gathered = nullptr;
};

Shared share_input(PendingCombine& state) {
  const CudaHandle& plan = *state.plan;
  const CombineInput& input = state.input;
  const bool gathered = is_gathered(plan);
  const std::size_t row_bytes = gathered ? 0 : static_cast<std::size_t>(plan.rows * bytes_of_row(state, input.x.dtype));
  const std::size_t recv_bytes =
      input.recv_topk_weights.given() ? static_cast<std::size_t>(4 * plan.rows * plan.top_k()) : 0;
  const std::size_t weight_bytes = gathered ? input.topk_weights.num_bytes() : 0;
  const std::size_t gathered_bytes =
      gathered && !is_pushed(plan) ? static_cast<std::size_t>(plan.wire_rows * bytes_of_row(state, state.wire_dtype))
                                   : 0;
  const bool move_rows = has_to_move(state, input.x.data, row_bytes);
  const bool move_recv = has_to_move(state, input.recv_topk_weights.data, recv_bytes);
  const bool move_weights = has_to_move(state, input.topk_weights.data, weight_bytes);
  core::RegionTable table;
  const std::size_t rows_at = table.add(move_rows ? 1 : 0, row_bytes);
  const std::size_t recv_at = table.add(move_recv ? 1 : 0, recv_bytes);
  const std::size_t weights_at = table.add(move_weights ? 1 : 0, weight_bytes);
  const std::size_t gathered_at = table.add(1, gathered_bytes);
  if (table.total() != 0) state.temporary = state.context->reserve(table.total());
  std::byte* base = state.temporary.data;
  if (move_rows) copy_in(state, base + rows_at, input.x.data, row_bytes);
  if (move_recv) copy_in(state, base + recv_at, input.recv_topk_weights.data, recv_bytes);
  if (move_weights) copy_in(state, base + weights_at, input.topk_weights.data, weight_bytes);
  const auto choose = [base](bool moved, std::size_t at, const void* own) {
    return moved ? base + at : static_cast<const std::byte*>(own);
  };
  return {.rows = choose(move_rows, rows_at, input.x.data),
          .recv_weights = reinterpret_cast<const float*>(choose(move_recv, recv_at, input.recv_topk_weights.data)),
          .topk_weights = reinterpret_cast<const float*>(choose(move_weights, weights_at, input.topk_weights.data)),
          .gathered = base + gathered_at};
}

/// Offset in the window, or 0 where there is nothing to read.
std::uint64_t offset_of(const PendingCombine& state, const void* data) {
  return data != nullptr && state.context->arena->contains(data, 0) ? state.context->offset_of(data) : 0;
}

kernels::GatherArgs gather_arguments(CudaContext& context, const device::Terms& terms) {
  return {.port = context.port(), .board = context.layout.board(), .limit = context.limit(), .terms = terms};
}

/// Slots of combine are those of its own calls, in the order in which all ranks make them.
void push_to(CudaContext& context, int slot, kernels::GatherArgs& args) {
  args.target = kernels::GatherArgs::Target::kSource;
  args.area = context.layout.combine_area(slot);
  args.tokens_per_source = context.config.latency_max_tokens;
  args.channel = &context.own_words()->combine_send[slot];
  args.latency_board = context.layout.combine_board(slot);
  args.alone = context.has_gpu_alone();
}

/// Rows whose type changes on the wire are all gathered: the sum adds rows of one type.
bool sums_own(const PendingCombine& state) { return state.input.x.dtype == state.wire_dtype; }

/// `slot`: where rows are pushed.
void launch_gather(PendingCombine& state, int slot, const Shared& shared) {
  CudaContext& context = *state.context;
  const CudaHandle& plan = *state.plan;
  kernels::GatherArgs args = gather_arguments(context, CudaContext::terms_of(state.facts.agreement));
  args.top_k = plan.top_k();
  args.hidden = static_cast<int>(state.hidden);
  args.row_dtype = state.input.x.dtype;
  args.wire_dtype = state.wire_dtype;
  args.x = static_cast<const std::byte*>(state.input.x.data);
  args.first_row = plan.receiver.source_first;
  args.num_rows = plan.receiver.source_rows;
  args.positions = plan.receiver.positions;
  args.tokens = plan.receiver.tokens;
  args.weights = plan.receiver.weights;
  args.failed = plan.receiver.failed;
  args.weights_at_source = state.input.topk_weights.given();
  args.topk_weights = shared.topk_weights;
  args.out = shared.gathered;
  args.channel = &context.own_words()->share;
  if (is_pushed(plan)) push_to(context, slot, args);
  args.leaves_own = is_pushed(plan) && sums_own(state);
  const int num_sms = is_pushed(plan) ? context.latency_sms() : state.launch.num_sms;
  kernels::launch_gather(args, num_sms, state.launch.stream);
}

kernels::CombineArgs combine_arguments(CudaContext& context, const device::Terms& terms) {
  return {.port = context.port(),
          .board = context.layout.board(),
          .channel = &context.own_words()->combine,
          .terms = terms,
          .num_experts = context.config.num_experts,
          .limit = context.limit()};
}

void set_bias(const CombineInput& input, auto& args) {
  args.bias0 = static_cast<const std::byte*>(input.bias0.data);
  args.bias1 = static_cast<const std::byte*>(input.bias1.data);
  args.bias0_dtype = input.bias0.dtype;
  args.bias1_dtype = input.bias1.dtype;
}

void launch_pull(PendingCombine& state, const Shared& shared) {
  CudaContext& context = *state.context;
  const CudaHandle& plan = *state.plan;
  const bool gathered = is_gathered(plan);
  kernels::CombineArgs args = combine_arguments(context, CudaContext::terms_of(state.facts.agreement));
  args.rows_at = offset_of(state, gathered ? shared.gathered : shared.rows);
  args.recv_weights_at = offset_of(state, shared.recv_weights);
  args.positions_at = offset_of(state, plan.receiver.positions);
  args.num_tokens = static_cast<int>(plan.tokens);
  args.top_k = plan.top_k();
  args.hidden = static_cast<int>(state.hidden);
  args.row_dtype = gathered ? state.wire_dtype : state.input.x.dtype;
  args.wire_dtype = state.wire_dtype;
  args.out_dtype = state.result.y.dtype;
  args.per_selection = plan.tree == ReductionTree::kPerSelection;
  args.round_node_sum = plan.tree == ReductionTree::kHierarchical;
  args.slots = plan.source.slots;
  args.first_rows = plan.receiver.first_rows;
  args.failed = plan.receiver.failed;
  args.tokens_per_source = mode_of(plan.layout) == Mode::kLatency ? context.config.latency_max_tokens : 0;
  args.selections = plan.source.selections;
  const bool given_now = state.input.topk_weights.given();
  args.weights = given_now ? static_cast<const float*>(state.input.topk_weights.data) : plan.receiver.source_weights;
  set_bias(state.input, args);
  args.y = static_cast<std::byte*>(state.result.y.data);
  args.topk_weights = static_cast<float*>(state.result.topk_weights.data);
  args.outcome = state.outcome;
  kernels::launch_combine(args, state.launch.num_sms, kernels::combine_variants().front(), state.launch.stream);
}

kernels::LatencySumArgs sum_arguments(CudaContext& context, int slot, const device::Terms& terms) {
  return {.port = context.port(),
          .latency_board = context.layout.combine_board(slot),
          .board = context.layout.board(),
          .area = context.layout.combine_area(slot),
          .channel = &context.own_words()->combine_receive[slot],
          .terms = terms,
          .max_tokens = context.config.latency_max_tokens,
          .num_experts = context.config.num_experts,
          .limit = context.limit(),
          .alone = context.has_gpu_alone()};
}

kernels::OwnRows own_rows(const PendingCombine& state) {
  if (!sums_own(state)) return {};
  const CudaContext& context = *state.context;
  const CudaHandle& plan = *state.plan;
  const std::int64_t first = std::int64_t{context.rank()} * context.config.latency_max_tokens * plan.top_k();
  const bool given_now = state.input.topk_weights.given();
  const float* at_dispatch = plan.receiver.weights != nullptr ? plan.receiver.weights + first : nullptr;
  return {.x = static_cast<const std::byte*>(state.input.x.data),
          .positions = plan.receiver.positions + first,
          .num_tokens = plan.receiver.source_rows + context.rank(),
          .weights = given_now ? static_cast<const float*>(state.input.topk_weights.data) : at_dispatch};
}

void launch_sum(PendingCombine& state, bool directly) {
  CudaContext& context = *state.context;
  const CudaHandle& plan = *state.plan;
  kernels::LatencySumArgs args = sum_arguments(context, state.slot, CudaContext::terms_of(state.facts.agreement));
  args.num_tokens = static_cast<int>(plan.tokens);
  args.top_k = plan.top_k();
  args.hidden = static_cast<int>(state.hidden);
  args.wire_dtype = state.wire_dtype;
  args.out_dtype = state.result.y.dtype;
  args.round_node_sum = plan.tree == ReductionTree::kHierarchical;
  args.selections = plan.source.selections;
  args.failed = plan.receiver.failed;
  args.own = own_rows(state);
  set_bias(state.input, args);
  args.y = static_cast<std::byte*>(state.result.y.data);
  args.outcome = state.outcome;
  args.directly = directly;
  kernels::launch_latency_sum(args, context.latency_sms(), state.launch.stream);
}

int next_slot(const CudaContext& context) {
  return static_cast<int>(context.latency_combines % context.config.latency_slots);
}

int take_slot(CudaContext& context) {
  const int slot = next_slot(context);
  ++context.latency_combines;
  return slot;
}

/// Every rank finds that for itself: there is no slot left to tell the others.
void check_free_slot(const CudaContext& context, const CudaHandle* plan) {
  if (plan == nullptr || !is_pushed(*plan)) return;
  if (context.combine_busy[static_cast<std::size_t>(next_slot(context))] == 0) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("combine, rank {}: expected at most {} latency combines (latency_slots) between send and "
                          "receive, got one more",
                          context.rank(), context.config.latency_slots));
}

void reject_pushed(CudaContext& context, const Launch& launch, const device::Terms& terms) {
  const int slot = take_slot(context);
  kernels::GatherArgs gather = gather_arguments(context, terms);
  gather.hidden = 8;
  gather.top_k = 1;
  push_to(context, slot, gather);
  kernels::launch_gather(gather, context.latency_sms(), launch.stream);
  kernels::LatencySumArgs sum = sum_arguments(context, slot, terms);
  sum.hidden = 8;
  sum.top_k = 1;
  sum.outcome = &context.device->words().nobody_looks;
  kernels::launch_latency_sum(sum, context.latency_sms(), launch.stream);
}

/// Peers gather first where the layout asks for it; they may wait for weights given at combine.
void reject_gathered(CudaContext& context, const Launch& launch, const device::Terms& terms, bool weighted) {
  kernels::GatherArgs args = gather_arguments(context, terms);
  args.hidden = 8;
  args.top_k = 1;
  args.weights_at_source = weighted;
  args.channel = &context.own_words()->share;
  kernels::launch_gather(args, launch.num_sms, launch.stream);
}

void reject_pulled(CudaContext& context, const Launch& launch, const device::Terms& terms) {
  kernels::CombineArgs args = combine_arguments(context, terms);
  args.hidden = 8;
  args.top_k = 1;
  args.outcome = &context.device->words().nobody_looks;
  kernels::launch_combine(args, launch.num_sms, kernels::combine_variants().front(), launch.stream);
}

/// Takes part in a call that this rank rejects. Reserves nothing.
void reject(CudaContext& context, const CudaHandle* plan, bool weighted, const Launch& launch,
            const device::Terms& terms) {
  if (plan != nullptr && is_pushed(*plan)) {
    reject_pushed(context, launch, terms);
  } else {
    if (plan != nullptr && is_gathered(*plan)) reject_gathered(context, launch, terms, weighted);
    reject_pulled(context, launch, terms);
  }
}

/// A combine whose handle is empty is taken for a pull, the usual one.
CallPath path_of(const CudaHandle* plan) {
  if (plan != nullptr && is_pushed(*plan)) return CallPath::kPushedCombine;
  return plan != nullptr && is_gathered(*plan) ? CallPath::kGatheredCombine : CallPath::kPulledCombine;
}

void take_outcome(PendingCombine& state) {
  Agreement agreement = agreement_of(state.input, state.hidden, state.wire_dtype, state.result.y.dtype, *state.plan);
  agreement.set(Agreed::kWeightsAtCombine, state.input.topk_weights.given() ? 1 : 0);
  state.facts = {
      .operation = "combine", .agreement = agreement, .epoch = state.epoch, .sequence = state.context->host->sequence};
  state.outcome = state.context->outcomes.take(state.facts, state.launch.captured, /*awaited=*/false);
}

void launch(PendingCombine& state, const Shared& shared) {
  CudaContext& context = *state.context;
  if (!is_pushed(*state.plan)) {
    if (is_gathered(*state.plan)) launch_gather(state, -1, shared);
    launch_pull(state, shared);
    return;
  }
  launch_gather(state, next_slot(context), shared);
  state.slot = take_slot(context);
  context.combine_busy[static_cast<std::size_t>(state.slot)] = 1;
}

}  // namespace

PendingCombine::~PendingCombine() {
  if (context->is_inherited() || slot < 0 || received || epoch != context->host->membership.epoch) return;
  try {
    combine_receive(*this, false);
  } catch (const Error& error) {
    context->abort(error);
  } catch (...) {
    context->device->interrupt();
  }
}

std::unique_ptr<PendingCombine> combine_send(const std::shared_ptr<CudaContext>& context,
                                             std::shared_ptr<const CudaHandle> plan, const CombineInput& input,
                                             const CombineOptions& options) {
  context->raise_faults();
  const UseDevice use(context->device->device());
  auto state = std::make_unique<PendingCombine>();
  state->context = context;
  state->plan = std::move(plan);
  state->input = input;
  state->options = options;
  state->epoch = context->host->membership.epoch;
  state->launch = context->launch_of(options.execution);
  check_free_slot(*context, state->plan.get());
  Shared shared;
  const auto prepare_all = [&] {
    context->order(options.execution, state->launch);
    context->check_sms(options.execution);
    prepare(*state);
    shared = share_input(*state);
    take_outcome(*state);
  };
  number_call(*context, "combine", path_of(state->plan.get()), state->launch, prepare_all,
              [&](const device::Terms& terms) {
                reject(*context, state->plan.get(), input.topk_weights.given(), state->launch, terms);
              });
  launch_call(*context, "combine", [&] {
    launch(*state, shared);
    context->end({}, state->launch);
  });
  return state;
}

void combine_receive(PendingCombine& state, bool directly) {
  CudaContext& context = *state.context;
  const UseDevice use(context.device->device());
  context.check_epoch("combine", state.epoch);
  state.received = true;
  if (is_pushed(*state.plan)) {
    launch_call(context, "combine", [&] { launch_sum(state, directly); });
    context.combine_busy[static_cast<std::size_t>(state.slot)] = 0;
  }
  state.result.memory = std::move(state.output.memory);
  if (state.launch.captured) state.result.memory = together({state.result.memory, state.temporary.memory});
  context.end(state.options.execution, state.launch);
}

}  // namespace crossdock::engine::cuda
