#include "check/repeat_plan.hpp"

#include <algorithm>

#include "random.hpp"

namespace crossdock::tools::check {
namespace {

/// Tokens of all ranks together: keeps the reference to a fraction of a second.
constexpr int kMostTokens = 256;

RowsPlan rows_of(const RepeatKind& kind, int hidden) {
  RowsPlan rows{.dtype = kind.x, .quantize = kind.quantize};
  if (kind.x == DType::kFp8E4m3) rows.scale_words = hidden / kQuantBlock;
  return rows;
}

/// What all sets share.
OperationPlan choose_shape(Dice& dice, int num_ranks, const RepeatKind& kind) {
  OperationPlan shape{.layout = kind.layout};
  shape.hidden = kQuantBlock * dice.range_int(4, 12);
  shape.top_k = dice.range_int(2, 8);
  const int most = kMostTokens / num_ranks;
  for (int rank = 0; rank < num_ranks; ++rank) shape.tokens.push_back(dice.range_int(most / 2, most));
  if (kind.layout == Layout::kExpertContiguous) shape.alignment = dice.pick({1, 4, 16});
  if (kind.layout != Layout::kFlat && dice.chance(50)) shape.tree = ReductionTree::kPerSelection;
  shape.weights = WeightsAt::kDispatch;
  shape.capacity = kind.bounded && kind.layout != Layout::kExpertPadded ? Capacity::kWorst : Capacity::kNone;
  shape.rows = rows_of(kind, shape.hidden);
  shape.recv_weights = kind.layout == Layout::kFlat;
  return shape;
}

}  // namespace

std::string RepeatKind::dtype() const {
  const std::string name(name_of(x));
  return quantize == Quantize::kNone ? name : name + ">fp8";
}

const char* RepeatKind::rows() const {
  if (layout == Layout::kExpertPadded) return "static";
  return bounded ? "bounded" : "exact";
}

std::vector<RepeatKind> repeat_kinds(bool exact) {
  std::vector<RepeatKind> kinds;
  for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded}) {
    for (const bool bounded : {false, true}) {
      if (!bounded && (!exact || layout == Layout::kExpertPadded)) continue;
      kinds.push_back({.layout = layout, .bounded = bounded});
      kinds.push_back({.layout = layout, .x = DType::kFp8E4m3, .bounded = bounded});
      kinds.push_back({.layout = layout, .quantize = Quantize::kFp8, .bounded = bounded});
    }
  }
  return kinds;
}

CasePlan plan_repetitions(std::uint64_t seed, int num_ranks, const RepeatKind& kind) {
  Dice dice(key_of({seed, static_cast<std::uint64_t>(num_ranks), static_cast<std::uint64_t>(kind.layout),
                    static_cast<std::uint64_t>(kind.x), static_cast<std::uint64_t>(kind.quantize)}));
  CasePlan plan{.seed = seed, .num_ranks = num_ranks};
  const OperationPlan shape = choose_shape(dice, num_ranks, kind);
  const int num_experts = num_ranks * dice.range_int(2, 4);
  RoundPlan& round = plan.rounds.emplace_back();
  for (int rank = 0; rank < num_ranks; ++rank) round.live.push_back(rank);
  for (int set = 0; set < kInputSets; ++set) {
    OperationPlan& operation = round.operations.emplace_back(shape);
    operation.key = dice.next();
    operation.routing =
        dice.pick({Routing::kDistinct, Routing::kDistinct, Routing::kRepeats, Routing::kHoles, Routing::kHot});
  }
  plan.config = config_of(num_ranks, num_experts, plan.rounds);
  plan.config.backend = Backend::kCuda;
  plan.config.live_results = 2;
  return plan;
}

}  // namespace crossdock::tools::check
