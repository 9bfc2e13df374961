#include "check/material.hpp"

#include <algorithm>
#include <numeric>

#include "check/tensors.hpp"
#include "crossdock/rows.hpp"
#include "random.hpp"

namespace crossdock::tools::check {
namespace {

/// Streams of random numbers of an operation: one for each use, so that none depends on another's length.
enum class Use : std::uint64_t {
  kX,
  kAgain,
  kRouting,
  kWeights,
  kCapacity,
  kCombineX,
  kCombineWeights,
  kRecvWeights,
  kBias
};

Dice dice_for(const Operation& operation, int rank, Use use) {
  return Dice(key_of({operation.plan.key, static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(use)}));
}

/// Everything the reference wants, as spans of views.
struct ReferenceCall {
  std::vector<DispatchInput> inputs;
  std::vector<DispatchOptions> options;
};

ReferenceCall reference_call(const Operation& operation) {
  ReferenceCall call;
  for (const Part& part : operation.parts) {
    call.inputs.push_back(part.dispatch_input());
    call.options.push_back(operation.dispatch_options());
    call.options.back().max_recv_rows = part.max_recv_rows;
    // the first dimension of out_x is max_recv_rows where that is not given
    const bool sized_by_out_x = operation.plan.layout != Layout::kExpertPadded && part.out_x_rows >= 0;
    if (!part.max_recv_rows && sized_by_out_x) call.options.back().max_recv_rows = part.out_x_rows;
  }
  return call;
}

Rows make_rows(Dice dice, const RowsPlan& plan, std::int64_t tokens, std::int64_t hidden) {
  Rows rows;
  rows.x = make_x(dice, plan, tokens, hidden);
  rows.scales = make_scales(dice, plan, tokens);
  return rows;
}

Part make_part(const Operation& operation, int rank, int num_experts) {
  const OperationPlan& plan = operation.plan;
  const std::int64_t tokens = plan.tokens[static_cast<std::size_t>(rank)];
  Part part;
  part.rows = make_rows(dice_for(operation, rank, Use::kX), plan.rows, tokens, plan.hidden);
  if (plan.again) part.again = make_rows(dice_for(operation, rank, Use::kAgain), *plan.again, tokens, plan.hidden);
  Dice routing = dice_for(operation, rank, Use::kRouting);
  part.topk_idx = make_topk_idx(routing, plan, tokens, num_experts);
  if (plan.weights == WeightsAt::kDispatch || plan.weights == WeightsAt::kBoth) {
    Dice weights = dice_for(operation, rank, Use::kWeights);
    part.topk_weights = make_weights(weights, tokens, plan.top_k);
  }
  return part;
}

/// Rows of a layout that can arrive at one rank, padding included.
std::int64_t worst_rows(const OperationPlan& plan, int num_experts) {
  const std::int64_t tokens = std::accumulate(plan.tokens.begin(), plan.tokens.end(), std::int64_t{0});
  if (plan.layout == Layout::kFlat) return tokens;
  return tokens * plan.top_k + std::int64_t{num_experts} * (plan.alignment - 1);
}

/// max_recv_rows of every rank against the rows that arrive without it.
void choose_capacities(const reference::Problem& problem, Operation& operation) {
  const Capacity kind = operation.plan.capacity;
  const bool bounded = operation.plan.layout != Layout::kExpertPadded;
  if (!bounded || (kind == Capacity::kNone && !operation.plan.rows.out_x)) return;
  const ReferenceCall call = reference_call(operation);
  const auto arrived = reference::dispatch(problem, call.inputs, call.options);
  for (std::size_t rank = 0; rank < operation.parts.size(); ++rank) {
    Dice dice = dice_for(operation, static_cast<int>(rank), Use::kCapacity);
    const std::int64_t rows = arrived[rank].num_rows;
    std::int64_t room = rows;
    if (kind == Capacity::kLarger) room += dice.range(0, 9);
    if (kind == Capacity::kWorst) room = worst_rows(operation.plan, problem.num_experts);
    if (kind == Capacity::kTooSmall && rows > 0 && dice.chance(50)) room = dice.range(0, rows - 1);
    Part& part = operation.parts[rank];
    if (kind != Capacity::kNone) part.max_recv_rows = room;
    if (operation.plan.rows.out_x) part.out_x_rows = room + dice.range(0, 2);
    if (operation.plan.again && operation.plan.again->out_x) part.out_again_rows = room + dice.range(0, 2);
  }
}

void set_static_out_rows(const GroupConfig& config, int num_ranks, Operation& operation) {
  if (operation.plan.layout != Layout::kExpertPadded) return;
  for (Part& part : operation.parts) {
    const std::int64_t rows = std::int64_t{num_ranks} * config.latency_max_tokens;
    if (operation.plan.rows.out_x) part.out_x_rows = rows;
    if (operation.plan.again && operation.plan.again->out_x) part.out_again_rows = rows;
  }
}

void run_dispatch(const reference::Problem& problem, Operation& operation) {
  const ReferenceCall call = reference_call(operation);
  try {
    operation.dispatched = reference::dispatch(problem, call.inputs, call.options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCapacityExceeded) throw;
    operation.refusal = Refusal{error.code(), error.report()};
  }
}

/// A cached dispatch is a dispatch of other rows by the same routing.
void run_again(const reference::Problem& problem, Operation& operation) {
  ReferenceCall call = reference_call(operation);
  for (std::size_t rank = 0; rank < operation.parts.size(); ++rank) {
    const DispatchInput rows = operation.parts[rank].again.input();
    call.inputs[rank].x = rows.x;
    call.inputs[rank].scales = rows.scales;
    call.options[rank].quantize = operation.plan.again->quantize;
    call.options[rank].scale_order = operation.plan.again->scale_order;
  }
  operation.again = reference::dispatch(problem, call.inputs, call.options);
}

/// Rows of the combine input that combine may read, in the order of memory.
std::vector<bool> used_rows(reference::Dispatched& dispatched, Layout layout, std::size_t rows) {
  std::vector<bool> used(rows, false);
  if (layout == Layout::kFlat) {
    std::fill_n(used.begin(), dispatched.num_rows, true);
    return used;
  }
  const std::vector<RowSource> sources = row_sources(reference::as_result(dispatched));
  for (std::size_t row = 0; row < sources.size(); ++row) used[row] = sources[row].rank >= 0;
  return used;
}

/// Random rows; those that combine must not read are all NaN, so that reading one shows.
reference::Tensor make_combine_x(Dice dice, const OperationPlan& plan, reference::Dispatched& dispatched) {
  reference::Tensor x = make_dense(plan.combine_dtype, dispatched.x.shape);
  fill_floats(dice, plan.combine_special_values, x);
  const std::size_t row_bytes = static_cast<std::size_t>(plan.hidden) * size_of(plan.combine_dtype);
  std::size_t rows = static_cast<std::size_t>(dispatched.x.shape[0]);
  if (dispatched.x.shape.size() == 3) rows *= static_cast<std::size_t>(dispatched.x.shape[1]);
  const std::vector<bool> used = used_rows(dispatched, plan.layout, rows);
  for (std::size_t row = 0; row < rows; ++row) {
    if (!used[row])
      std::fill_n(x.bytes.begin() + static_cast<std::ptrdiff_t>(row * row_bytes), row_bytes, std::byte{0xFF});
  }
  return x;
}

void make_combine_part(const Operation& operation, int rank, reference::Dispatched& dispatched, Part& part) {
  const OperationPlan& plan = operation.plan;
  const std::int64_t tokens = plan.tokens[static_cast<std::size_t>(rank)];
  part.combine_x = make_combine_x(dice_for(operation, rank, Use::kCombineX), plan, dispatched);
  if (plan.weights == WeightsAt::kCombine || plan.weights == WeightsAt::kBoth) {
    Dice dice = dice_for(operation, rank, Use::kCombineWeights);
    part.combine_weights = make_weights(dice, tokens, plan.top_k);
  }
  if (plan.recv_weights) {
    Dice dice = dice_for(operation, rank, Use::kRecvWeights);
    part.recv_weights = make_weights(dice, dispatched.x.shape[0], plan.top_k);
  }
  Dice dice = dice_for(operation, rank, Use::kBias);
  for (std::size_t i = 0; i < plan.biases.size(); ++i) {
    reference::Tensor& bias = i == 0 ? part.bias0 : part.bias1;
    bias = make_dense(plan.biases[i], {tokens, plan.hidden});
    fill_floats(dice, plan.combine_special_values, bias);
  }
}

void run_combine(const reference::Problem& problem, Operation& operation) {
  std::vector<CombineInput> combines(operation.parts.size());
  for (const int rank : problem.live) {
    const auto index = static_cast<std::size_t>(rank);
    make_combine_part(operation, rank, operation.dispatched[index], operation.parts[index]);
    combines[index] = operation.parts[index].combine_input();
  }
  const ReferenceCall call = reference_call(operation);
  operation.combined = reference::combine(problem, call.inputs, call.options, combines, operation.combine_options());
}

Operation make_operation(const CasePlan& plan, const OperationPlan& operation_plan, const std::vector<int>& live) {
  const reference::Problem problem{.num_ranks = plan.num_ranks,
                                   .ranks_per_node = plan.config.ranks_per_node,
                                   .num_experts = plan.config.num_experts,
                                   .latency_max_tokens = plan.config.latency_max_tokens,
                                   .live = live};
  Operation operation{
      .plan = operation_plan, .parts = {}, .refusal = {}, .dispatched = {}, .again = {}, .combined = {}};
  for (int rank = 0; rank < plan.num_ranks; ++rank) {
    operation.parts.push_back(make_part(operation, rank, plan.config.num_experts));
  }
  choose_capacities(problem, operation);
  set_static_out_rows(plan.config, plan.num_ranks, operation);
  run_dispatch(problem, operation);
  if (operation.refusal) return operation;
  if (operation.plan.again) run_again(problem, operation);
  run_combine(problem, operation);
  return operation;
}

std::size_t bytes_of(const reference::Dispatched& dispatched) {
  std::size_t bytes = 0;
  for (const reference::Tensor* tensor :
       {&dispatched.x, &dispatched.scales, &dispatched.topk_weights, &dispatched.tokens_per_expert,
        &dispatched.topk_idx, &dispatched.expert_offsets, &dispatched.row_expert, &dispatched.source,
        &dispatched.source_count, &dispatched.source_begin, &dispatched.source_token}) {
    bytes += tensor->bytes.size();
  }
  return bytes;
}

/// Window memory that the operation's results, combine input and staging of a rank may take together.
std::size_t window_need(const Operation& operation, std::size_t rank) {
  if (operation.refusal) return 0;
  std::size_t bytes = bytes_of(operation.dispatched[rank]) + operation.parts[rank].combine_x.bytes.size();
  if (operation.plan.again) bytes += bytes_of(operation.again[rank]);
  bytes += operation.combined[rank].y.bytes.size() + operation.combined[rank].topk_weights.bytes.size();
  return bytes;
}

/// Little more than what is used: all of it is poisoned before every call.
std::size_t choose_window_bytes(const Case& made) {
  constexpr std::size_t kSlack = std::size_t{1} << 20;
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kGpuPage = std::size_t{2} << 20;
  std::size_t most = 0;
  for (const Round& round : made.rounds) {
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(made.plan.num_ranks); ++rank) {
      std::size_t bytes = 0;
      for (const Operation& operation : round.operations) bytes += window_need(operation, rank);
      most = std::max(most, bytes);
    }
  }
  const RequiredBytes required = required_bytes(made.config, made.plan.num_ranks);
  // before the counts are known, a GPU call takes room for the most that could arrive
  if (made.config.backend == Backend::kCuda) return (required.window + kSlack + kGpuPage - 1) / kGpuPage * kGpuPage;
  const std::size_t bytes = std::min(required.window, required.control + required.latency + 3 * most) + kSlack;
  return bytes / kPage * kPage;  // whole pages, so that every free piece can be taken in one allocation
}

ConstTensorView view_of(const reference::Tensor& tensor) {
  return tensor.shape.empty() ? ConstTensorView{} : tensor.view();
}

}  // namespace

DispatchInput Rows::input() const { return {.x = view_of(x), .scales = view_of(scales)}; }

DispatchInput Part::dispatch_input() const {
  DispatchInput input = rows.input();
  input.topk_idx = view_of(topk_idx);
  input.topk_weights = view_of(topk_weights);
  return input;
}

DispatchInput Part::again_input() const {
  DispatchInput input = again.input();
  input.topk_weights = view_of(topk_weights);
  return input;
}

CombineInput Part::combine_input() const {
  return {.x = view_of(combine_x),
          .topk_weights = view_of(combine_weights),
          .recv_topk_weights = view_of(recv_weights),
          .bias0 = view_of(bias0),
          .bias1 = view_of(bias1)};
}

DispatchOptions Operation::dispatch_options() const {
  return {.layout = plan.layout,
          .tree = plan.tree,
          .quantize = plan.rows.quantize,
          .scale_order = plan.rows.scale_order,
          .expert_alignment = plan.alignment};
}

DispatchOptions Operation::again_options() const {
  DispatchOptions options = dispatch_options();
  options.quantize = plan.again->quantize;
  options.scale_order = plan.again->scale_order;
  return options;
}

CombineOptions Operation::combine_options() const {
  return {.wire_dtype = plan.wire_dtype, .out_dtype = plan.out_dtype};
}

Case make_case(const CasePlan& plan) {
  Case made{.plan = plan, .config = plan.config, .rounds = {}};
  for (const RoundPlan& round_plan : plan.rounds) {
    Round round{.live = round_plan.live, .pattern = round_plan.pattern, .operations = {}};
    for (const OperationPlan& operation : round_plan.operations) {
      round.operations.push_back(make_operation(plan, operation, round.live));
    }
    made.rounds.push_back(std::move(round));
  }
  made.config.window_bytes = choose_window_bytes(made);
  return made;
}

}  // namespace crossdock::tools::check
