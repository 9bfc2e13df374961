#include "check/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "random.hpp"

namespace crossdock::tools::check {
namespace {

/// Elements of the largest tensor of a case: keeps one case to a few milliseconds of reference work.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 20;
constexpr int kMaxHidden = 1024;

int draw_ranks(Dice& dice) {
  const int share = dice.range_int(0, 99);
  if (share < 5) return 1;
  if (share < 55) return dice.range_int(2, 4);
  if (share < 88) return dice.range_int(5, 8);
  return dice.range_int(9, 16);
}

int choose_ranks(Dice& dice, const PlanRules& rules) {
  const int drawn = draw_ranks(dice);
  return rules.num_ranks > 0 ? rules.num_ranks : (drawn - 1) % rules.max_ranks + 1;
}

int choose_divisor(Dice& dice, int number) {
  std::vector<int> divisors;
  for (int d = 1; d <= number; ++d) {
    if (number % d == 0) divisors.push_back(d);
  }
  return divisors[static_cast<std::size_t>(dice.range(0, static_cast<std::int64_t>(divisors.size()) - 1))];
}

DType choose_float(Dice& dice) { return dice.pick({DType::kBf16, DType::kFp16, DType::kFp32}); }

bool is_quantised(const RowsPlan& rows) { return rows.quantize != Quantize::kNone; }
bool is_fp8(const RowsPlan& rows) { return rows.dtype == DType::kFp8E4m3; }

RowsPlan choose_rows(Dice& dice) {
  RowsPlan rows;
  const int share = dice.range_int(0, 99);
  if (share < 30) {
    rows.dtype = choose_float(dice);
    rows.quantize = dice.pick({Quantize::kFp8, Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0});
  } else if (share < 55) {
    rows.dtype = DType::kFp8E4m3;
    rows.scale_dtype = dice.pick({DType::kFp32, DType::kInt32});
    rows.scale_words = dice.range_int(1, 9);
    rows.scale_strides =
        dice.pick({ScaleStrides::kDense, ScaleStrides::kTransposed, ScaleStrides::kGapped, ScaleStrides::kBroadcast});
  } else {
    rows.dtype = choose_float(dice);
  }
  if ((is_quantised(rows) || is_fp8(rows)) && dice.chance(40)) rows.scale_order = ScaleOrder::kColumnMajor;
  rows.row_gaps = dice.chance(15);
  rows.special_values = dice.chance(25);
  return rows;
}

/// Channels come in multiples of this: 16 bytes of every type that moves, blocks where there are blocks.
int hidden_unit(const OperationPlan& operation) {
  const bool blocks = is_quantised(operation.rows) || (operation.again && is_quantised(*operation.again));
  if (blocks) return kQuantBlock;
  const bool bytes = is_fp8(operation.rows) || (operation.again && is_fp8(*operation.again));
  return bytes ? 16 : 8;
}

int choose_hidden(Dice& dice, int unit) {
  const int most = kMaxHidden / unit;
  const int few = std::min(most, unit == kQuantBlock ? 3 : 24);
  return unit * dice.range_int(1, dice.chance(85) ? few : most);
}

/// The group has room for one scale word of 32 channels.
void limit_scale_words(int hidden, RowsPlan& rows) {
  if (is_fp8(rows)) rows.scale_words = std::min(rows.scale_words, (hidden + 31) / 32);
}

/// What the operations of one case share.
struct Frame {
  int num_ranks = 1;
  int num_nodes = 1;
  int num_experts = 1;
  PlanRules rules = {};
};

/// Rows of the largest tensor that one token a rank costs, over all ranks.
std::int64_t rows_per_token(const Frame& frame, const OperationPlan& operation) {
  if (operation.layout == Layout::kExpertPadded) return std::int64_t{frame.num_experts} * frame.num_ranks;
  return std::int64_t{frame.num_ranks} * operation.top_k;
}

/// Padding rows count too.
void limit_alignment(const Frame& frame, OperationPlan& operation) {
  const std::int64_t per_step = std::int64_t{frame.num_experts} * operation.hidden;
  operation.alignment = static_cast<int>(std::clamp<std::int64_t>(kMaxElements / per_step, 1, operation.alignment));
}

void choose_tokens(Dice& dice, const Frame& frame, OperationPlan& operation) {
  const std::int64_t per_token = rows_per_token(frame, operation) * operation.hidden;
  const std::int64_t most = std::clamp<std::int64_t>(kMaxElements / per_token, 1, 40);
  const bool even = dice.chance(20);
  for (int rank = 0; rank < frame.num_ranks; ++rank) {
    std::int64_t tokens = even ? most : dice.range(0, most);
    if (!even && dice.chance(12)) tokens = 0;
    operation.tokens.push_back(tokens);
  }
}

void choose_layout(Dice& dice, const Frame& frame, OperationPlan& operation) {
  operation.layout = dice.pick({Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded});
  if (frame.rules.layout) operation.layout = *frame.rules.layout;
  const bool per_selection = operation.layout != Layout::kFlat && frame.num_nodes == 1;
  if (frame.num_nodes > 1 && dice.chance(60)) operation.tree = ReductionTree::kHierarchical;
  if (per_selection && dice.chance(40)) operation.tree = ReductionTree::kPerSelection;
  if (operation.layout == Layout::kExpertContiguous && dice.chance(60)) {
    operation.alignment = dice.pick({1, 2, 3, 4, 7, 16, 64, 128});
  }
}

Routing routing_of_share(int percent) {
  if (percent < 40) return Routing::kDistinct;
  if (percent < 60) return Routing::kRepeats;
  if (percent < 80) return Routing::kHot;
  return percent < 95 ? Routing::kHoles : Routing::kNone;
}

void choose_routing(Dice& dice, OperationPlan& operation) {
  operation.routing = routing_of_share(dice.range_int(0, 99));
  operation.idx_dtype = dice.pick({DType::kInt32, DType::kInt64});
  operation.weights = dice.pick(
      {WeightsAt::kNowhere, WeightsAt::kDispatch, WeightsAt::kDispatch, WeightsAt::kCombine, WeightsAt::kBoth});
  // the caller of a flat layout applies the weights, so combine takes none
  if (operation.layout == Layout::kFlat && operation.weights == WeightsAt::kCombine) {
    operation.weights = WeightsAt::kNowhere;
  }
  if (operation.layout == Layout::kFlat && operation.weights == WeightsAt::kBoth) {
    operation.weights = WeightsAt::kDispatch;
  }
}

void choose_capacity(Dice& dice, OperationPlan& operation) {
  if (operation.layout == Layout::kExpertPadded) {  // its shape is static
    operation.rows.out_x = dice.chance(20);
    if (operation.again) operation.again->out_x = dice.chance(20);
    return;
  }
  operation.capacity =
      dice.pick({Capacity::kNone, Capacity::kNone, Capacity::kNone, Capacity::kExact, Capacity::kLarger});
  if (dice.chance(6)) operation.capacity = Capacity::kTooSmall;
  operation.rows.out_x = dice.chance(20);
  // out_x without max_recv_rows would give the cached dispatch another capacity than its handle has
  if (operation.again && operation.capacity != Capacity::kNone) operation.again->out_x = dice.chance(20);
}

void choose_combine(Dice& dice, OperationPlan& operation) {
  operation.combine_dtype = dice.chance(60) ? DType::kBf16 : choose_float(dice);
  if (dice.chance(30)) operation.wire_dtype = choose_float(dice);
  if (dice.chance(30)) operation.out_dtype = choose_float(dice);
  const int biases = dice.chance(70) ? 0 : dice.range_int(1, 2);
  for (int i = 0; i < biases; ++i) operation.biases.push_back(choose_float(dice));
  operation.combine_special_values = dice.chance(20);
  operation.rows_in_window = dice.chance(60);
  operation.out_y = dice.chance(30);
  operation.recv_weights = operation.layout == Layout::kFlat && dice.chance(40);
}

OperationPlan choose_operation(Dice& dice, const Frame& frame) {
  OperationPlan operation{.key = dice.next()};
  choose_layout(dice, frame, operation);
  operation.top_k = dice.chance(80) ? dice.range_int(1, 8) : dice.range_int(9, 16);
  operation.rows = choose_rows(dice);
  if (dice.chance(20)) operation.again = choose_rows(dice);
  operation.hidden = choose_hidden(dice, hidden_unit(operation));
  limit_scale_words(operation.hidden, operation.rows);
  if (operation.again) limit_scale_words(operation.hidden, *operation.again);
  limit_alignment(frame, operation);
  choose_routing(dice, operation);
  choose_capacity(dice, operation);
  choose_tokens(dice, frame, operation);
  choose_combine(dice, operation);
  return operation;
}

RoundPlan choose_round(Dice& dice, const Frame& frame, std::vector<int> live) {
  RoundPlan round{.live = std::move(live)};
  const int operations = dice.chance(55) ? 1 : 2;
  for (int i = 0; i < operations; ++i) round.operations.push_back(choose_operation(dice, frame));
  const bool refused = std::ranges::any_of(
      round.operations, [](const OperationPlan& operation) { return operation.capacity == Capacity::kTooSmall; });
  if (operations == 2 && !refused) {
    round.pattern = dice.pick({Pattern::kSequential, Pattern::kInterleaved, Pattern::kOverlapped});
  }
  return round;
}

std::vector<int> all_ranks_but(int num_ranks, int masked) {
  std::vector<int> live(static_cast<std::size_t>(num_ranks));
  std::iota(live.begin(), live.end(), 0);
  if (masked >= 0) live.erase(live.begin() + masked);
  return live;
}

/// All live; in some cases with one rank masked after it, or each rank in turn.
void choose_rounds(Dice& dice, const Frame& frame, std::vector<RoundPlan>& rounds) {
  rounds.push_back(choose_round(dice, frame, all_ranks_but(frame.num_ranks, -1)));
  if (frame.num_ranks < 2) return;
  const int share = dice.range_int(0, 99);
  if (frame.rules.mask_each_rank || (share < 8 && frame.num_ranks <= 4)) {
    for (int masked = 0; masked < frame.num_ranks; ++masked) {
      rounds.push_back(choose_round(dice, frame, all_ranks_but(frame.num_ranks, masked)));
    }
  } else if (share < 20) {
    rounds.push_back(choose_round(dice, frame, all_ranks_but(frame.num_ranks, dice.range_int(0, frame.num_ranks - 1))));
    if (dice.chance(50)) rounds.push_back(choose_round(dice, frame, all_ranks_but(frame.num_ranks, -1)));
  }
}

bool uses_fp32(const OperationPlan& operation) {
  const auto is = [](const std::optional<DType>& dtype) { return dtype == DType::kFp32; };
  return is(operation.rows.dtype) || (operation.again && is(operation.again->dtype)) || is(operation.combine_dtype) ||
         is(operation.wire_dtype) || is(operation.out_dtype);
}

void widen_config(const OperationPlan& operation, GroupConfig& config) {
  const auto tokens = static_cast<int>(*std::ranges::max_element(operation.tokens));
  int& most = operation.layout == Layout::kExpertPadded ? config.latency_max_tokens : config.max_tokens;
  most = std::max({most, tokens, 1});
  config.top_k = std::max(config.top_k, operation.top_k);
  config.hidden = std::max(config.hidden, operation.hidden);
  config.expert_alignment = std::max(config.expert_alignment, operation.alignment);
  config.expert_layout = config.expert_layout || operation.layout == Layout::kExpertContiguous;
  if (uses_fp32(operation)) config.element_bytes = 4;
}

GroupConfig make_config(const Frame& frame, const std::vector<RoundPlan>& rounds) {
  GroupConfig config{.num_experts = frame.num_experts, .top_k = 1, .expert_layout = false};
  config.ranks_per_node = frame.num_ranks / frame.num_nodes;
  config.live_results = 1;
  config.deadline = std::chrono::milliseconds(30'000);
  for (const RoundPlan& round : rounds) {
    int results = 0;
    for (const OperationPlan& operation : round.operations) {
      widen_config(operation, config);
      results += operation.again ? 2 : 1;
    }
    config.live_results = std::max(config.live_results, results);
  }
  return config;
}

}  // namespace

GroupConfig config_of(int num_ranks, int num_experts, const std::vector<RoundPlan>& rounds) {
  return make_config({.num_ranks = num_ranks, .num_experts = num_experts}, rounds);
}

CasePlan plan_case(std::uint64_t seed, std::int64_t index, const PlanRules& rules) {
  Dice dice(key_of({seed, static_cast<std::uint64_t>(index)}));
  CasePlan plan{.seed = seed, .index = index, .num_ranks = choose_ranks(dice, rules)};
  Frame frame{.num_ranks = plan.num_ranks, .rules = rules};
  frame.num_nodes = dice.chance(50) ? 1 : plan.num_ranks / choose_divisor(dice, plan.num_ranks);
  if (rules.backend == Backend::kCuda) frame.num_nodes = 1;
  frame.num_experts = dice.chance(5) ? dice.range_int(1, plan.num_ranks)  // ranks without an expert
                                     : plan.num_ranks + dice.range_int(0, 3 * plan.num_ranks);
  choose_rounds(dice, frame, plan.rounds);
  plan.config = make_config(frame, plan.rounds);
  plan.config.backend = rules.backend;
  plan.config.num_sms = dice.pick({1, 2, 3, 8, 16, 24});
  plan.streams = dice.pick({Streams::kGroup, Streams::kCaller, Streams::kEvents});
  return plan;
}

namespace {

std::string_view name_of(Streams streams) {
  switch (streams) {
    case Streams::kGroup:
      return "the group's stream";
    case Streams::kCaller:
      return "the caller's stream";
    default:
      return "events between streams";
  }
}

std::string describe(const RowsPlan& rows) {
  std::string text(name_of(rows.dtype));
  if (is_quantised(rows)) text += fmt::format("->{}", name_of(rows.quantize));
  if (is_fp8(rows)) text += fmt::format("+{} {}", rows.scale_words, name_of(rows.scale_dtype));
  if (rows.scale_order == ScaleOrder::kColumnMajor) text += " column_major";
  return text;
}

std::string describe(const OperationPlan& operation) {
  return fmt::format("{}/{} H={} K={} T=[{}] x={}{}", name_of(operation.layout), name_of(operation.tree),
                     operation.hidden, operation.top_k, fmt::join(operation.tokens, ","), describe(operation.rows),
                     operation.again ? " then " + describe(*operation.again) : "");
}

}  // namespace

std::string describe(const CasePlan& plan) {
  std::string text = fmt::format("{} ranks, {} a node, {} experts", plan.num_ranks, plan.config.ranks_per_node,
                                 plan.config.num_experts);
  if (plan.config.backend == Backend::kCuda) {
    text += fmt::format(", {} SMs, {}", plan.config.num_sms, name_of(plan.streams));
  }
  for (const RoundPlan& round : plan.rounds) {
    text += fmt::format("; {} live:", round.live.size());
    for (const OperationPlan& operation : round.operations) text += " " + describe(operation);
  }
  return text;
}

}  // namespace crossdock::tools::check
