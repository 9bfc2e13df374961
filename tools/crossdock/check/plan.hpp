// What one random case does, without its data: small, printable, and a function of (seed, index) alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crossdock/config.hpp"
#include "crossdock/types.hpp"

namespace crossdock::tools::check {

/// How topk_idx is drawn.
enum class Routing : std::uint8_t { kDistinct, kRepeats, kHot, kHoles, kNone };
/// Strides of ready scales.
enum class ScaleStrides : std::uint8_t { kDense, kTransposed, kGapped, kBroadcast };
enum class WeightsAt : std::uint8_t { kNowhere, kDispatch, kCombine, kBoth };
/// max_recv_rows against what arrives. kWorst, whatever may arrive, is not drawn.
enum class Capacity : std::uint8_t { kNone, kExact, kLarger, kTooSmall, kWorst };
/// How the operations of a round follow one another.
///   kSequential   dispatch and combine of each in turn
///   kInterleaved  both are sent before either is received, and received in the other order
///   kOverlapped   the second dispatch is sent while the first combine is in flight
enum class Pattern : std::uint8_t { kSequential, kInterleaved, kOverlapped };

/// CUDA: what calls are put on.
///   kGroup   the group's stream, as is everything else of the rank
///   kCaller  a stream of the caller's, as is everything else of the rank
///   kEvents  the group's, ordered with the caller's by events
enum class Streams : std::uint8_t { kGroup, kCaller, kEvents };

/// x of one dispatch.
struct RowsPlan {
  DType dtype = DType::kBf16;
  Quantize quantize = Quantize::kNone;
  DType scale_dtype = DType::kFp32;  ///< ready fp8
  int scale_words = 0;               ///< ready fp8; else 0
  ScaleStrides scale_strides = ScaleStrides::kDense;
  ScaleOrder scale_order = ScaleOrder::kRowMajor;
  bool row_gaps = false;  ///< rows of x are dense, with gaps between them
  bool special_values = false;
  bool out_x = false;  ///< received into ordinary memory
};

struct OperationPlan {
  std::uint64_t key = 0;  ///< of its data
  Layout layout = Layout::kFlat;
  ReductionTree tree = ReductionTree::kPerRank;
  int alignment = 1;
  int hidden = 0;
  int top_k = 1;
  std::vector<std::int64_t> tokens = {};  ///< [R]
  Routing routing = Routing::kDistinct;
  DType idx_dtype = DType::kInt32;
  WeightsAt weights = WeightsAt::kNowhere;
  Capacity capacity = Capacity::kNone;
  RowsPlan rows = {};
  std::optional<RowsPlan> again = {};  ///< the cached dispatch after it
  // combine
  DType combine_dtype = DType::kBf16;
  std::optional<DType> wire_dtype = {};
  std::optional<DType> out_dtype = {};
  std::vector<DType> biases = {};  ///< at most 2
  bool combine_special_values = false;
  bool rows_in_window = true;
  bool out_y = false;
  bool recv_weights = false;  ///< kFlat
};

struct RoundPlan {
  std::vector<int> live = {};  ///< ascending
  Pattern pattern = Pattern::kSequential;
  std::vector<OperationPlan> operations = {};
};

struct CasePlan {
  std::uint64_t seed = 0;
  std::int64_t index = 0;
  int num_ranks = 1;
  GroupConfig config = {};  ///< window_bytes follows from the data
  Streams streams = Streams::kGroup;
  std::vector<RoundPlan> rounds = {};
};

/// What may be drawn: what a backend serves, or what somebody asks for.
struct PlanRules {
  Backend backend = Backend::kCpu;  ///< kCuda: one node
  int max_ranks = 16;
  int num_ranks = 0;                  ///< 0 = drawn
  std::optional<Layout> layout = {};  ///< of every operation
  bool mask_each_rank = false;        ///< a round with all ranks, then one without each rank in turn
};

CasePlan plan_case(std::uint64_t seed, std::int64_t index, const PlanRules& rules = {});

/// Of a group of one node that has room for the rounds.
GroupConfig config_of(int num_ranks, int num_experts, const std::vector<RoundPlan>& rounds);

/// One line.
std::string describe(const CasePlan& plan);

}  // namespace crossdock::tools::check
