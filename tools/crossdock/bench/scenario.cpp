#include "bench/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "crossdock/error.hpp"
#include "random.hpp"

namespace crossdock::tools::bench {
namespace {

struct Types {
  DType x = DType::kBf16;
  Quantize quantize = Quantize::kNone;
  DType combine = DType::kBf16;
};

Types types_of(const std::string& name, bool ready) {
  if (name == "fp8" && ready) return {.x = DType::kFp8E4m3};
  if (name == "fp8") return {.x = DType::kBf16, .quantize = Quantize::kFp8, .combine = DType::kBf16};
  if (name == "fp16") return {.x = DType::kFp16, .combine = DType::kFp16};
  if (name == "fp32") return {.x = DType::kFp32, .combine = DType::kFp32};
  return {};
}

Layout layout_of(const BenchOptions& options, Mode mode) {
  if (mode == Mode::kLatency) return Layout::kExpertPadded;
  return options.layout == "contiguous" ? Layout::kExpertContiguous : Layout::kFlat;
}

/// The file's, or what was asked for, or DeepSeek's.
int top_k_of(const BenchOptions& options) {
  constexpr int kUsual = 8;
  const int wanted = options.top_k;
  if (!is_routing_file(options.routing)) return wanted > 0 ? wanted : kUsual;
  const int stored = routing_file_shape(options.routing, options.num_ranks()).top_k;
  if (wanted > 0 && wanted != stored) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--topk: expected {} as in {}, got {}", stored, options.routing, wanted));
  }
  return stored;
}

GroupConfig make_config(const BenchOptions& options, const Scenario& scenario, int input_sets) {
  GroupConfig config{.num_experts = options.experts, .top_k = top_k_of(options), .hidden = options.hidden};
  const bool latency = mode_of(scenario.layout) == Mode::kLatency;
  (latency ? config.latency_max_tokens : config.max_tokens) = static_cast<int>(scenario.tokens);
  config.ranks_per_node = options.ranks_per_node;
  config.element_bytes = scenario.x_dtype == DType::kFp32 ? 4 : 2;
  config.expert_layout = scenario.layout == Layout::kExpertContiguous;
  config.live_results = input_sets + 1;
  config.deadline = std::chrono::milliseconds(options.deadline_ms);
  return config;
}

std::uint64_t row_key(const Scenario& scenario, int set, int rank, std::int64_t token) {
  return key_of({scenario.seed, static_cast<std::uint64_t>(set), static_cast<std::uint64_t>(rank),
                 static_cast<std::uint64_t>(token)});
}

/// e4m3: finite, of either sign.
void fill_fp8_row(std::uint64_t key, std::span<std::byte> row) {
  for (std::size_t i = 0; i < row.size(); i += 8) {
    const std::uint64_t packed = draw(key, i) & 0xBFBF'BFBF'BFBF'BFBFULL;
    std::memcpy(row.data() + i, &packed, sizeof(packed));
  }
}

/// Sign, one of 8 exponents below that of 2, and the mantissa.
template <typename Word, int kMantissaBits, int kBias>
void fill_row(std::uint64_t key, std::span<std::byte> row) {
  constexpr int kPerDraw = 8 / sizeof(Word);
  constexpr int kBits = sizeof(Word) * 8;
  constexpr std::uint64_t kMantissa = (std::uint64_t{1} << kMantissaBits) - 1;
  const std::size_t words = row.size() / sizeof(Word);
  for (std::size_t i = 0; i < words; i += kPerDraw) {
    const std::uint64_t random = draw(key, i);
    std::uint64_t packed = 0;
    for (int j = 0; j < kPerDraw; ++j) {
      const std::uint64_t bits = random >> (j * kBits);
      const std::uint64_t exponent = kBias - 7 + ((bits >> kMantissaBits) & 7);
      const std::uint64_t sign = (bits >> (kMantissaBits + 3)) & 1;
      packed |= (sign << (kBits - 1) | exponent << kMantissaBits | (bits & kMantissa)) << (j * kBits);
    }
    std::memcpy(row.data() + i * sizeof(Word), &packed, sizeof(packed));
  }
}

}  // namespace

RowCounts::RowCounts(const Scenario& scenario, const Routing& routing, int destination, std::int64_t begin,
                     std::int64_t end)
    : sources_(static_cast<std::size_t>(scenario.num_ranks)) {
  const int experts = scenario.layout == Layout::kFlat ? 1 : scenario.placement().num_local(destination);
  counts_.resize(static_cast<std::size_t>(experts) * sources_);
  for (int source = 0; source < scenario.num_ranks; ++source) {
    for (std::int64_t token = begin; token < end; ++token) {
      const std::int32_t* row = routing.experts.data() + routing.at(source, token);
      count_token(scenario, {row, static_cast<std::size_t>(routing.top_k)}, source, destination);
    }
  }
}

void RowCounts::count_token(const Scenario& scenario, std::span<const std::int32_t> row, int source, int destination) {
  const bool flat = scenario.layout == Layout::kFlat;
  for (auto expert = row.begin(); expert != row.end(); ++expert) {
    if (!scenario.is_local(*expert, destination)) continue;
    const auto same_row = [&](std::int32_t other) {
      return flat ? scenario.is_local(other, destination) : other == *expert;
    };
    const bool shares = scenario.layout != Layout::kExpertContiguous && std::any_of(row.begin(), expert, same_row);
    const int local = flat ? 0 : scenario.placement().local_index(*expert);
    if (!shares) ++counts_[static_cast<std::size_t>(local) * sources_ + static_cast<std::size_t>(source)];
  }
}

std::int64_t RowCounts::of_expert(int expert) const {
  const auto begin = counts_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(expert) * sources_);
  return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(sources_), std::int64_t{0});
}

std::int64_t RowCounts::total() const { return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0}); }

void fill_scales_row(const Scenario& scenario, int set, int rank, std::int64_t token, std::span<float> row) {
  const std::uint64_t key = ~row_key(scenario, set, rank, token);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = 0.5F + unit_float(draw(key, i));
}

void fill_x_row(const Scenario& scenario, int set, int rank, std::int64_t token, std::span<std::byte> row) {
  const std::uint64_t key = row_key(scenario, set, rank, token);
  switch (scenario.x_dtype) {
    case DType::kFp8E4m3:
      fill_fp8_row(key, row);
      break;
    case DType::kFp16:
      fill_row<std::uint16_t, 10, 15>(key, row);
      break;
    case DType::kFp32:
      fill_row<std::uint32_t, 23, 127>(key, row);
      break;
    default:
      fill_row<std::uint16_t, 7, 127>(key, row);
      break;
  }
}

std::string routing_kind(const BenchOptions& options) {
  if (!options.routing.empty()) return options.routing;
  return options.groups > 1 ? "gate" : "uniform";
}

std::int64_t tokens_of(const BenchOptions& options, Mode mode) {
  if (options.tokens > 0) return options.tokens;
  if (is_routing_file(options.routing)) return routing_file_shape(options.routing, options.num_ranks()).tokens;
  return mode == Mode::kLatency ? 128 : 4096;
}

Scenario make_shape(const BenchOptions& options, Mode mode, std::int64_t tokens, int input_sets) {
  const Types types = types_of(options.dtype, options.ready);
  Scenario scenario{.num_ranks = options.num_ranks(),
                    .ranks_per_node = options.ranks_per_node,
                    .num_experts = options.experts,
                    .tokens = tokens,
                    .hidden = options.hidden,
                    .tree = options.nodes > 1 ? ReductionTree::kHierarchical : ReductionTree::kPerRank,
                    .x_dtype = types.x,
                    .quantize = types.quantize,
                    .combine_dtype = types.combine,
                    .seed = options.seed,
                    .iterations = options.iterations_on(Backend::kCpu),
                    .warmup = options.warmup_on(Backend::kCpu),
                    .verify = options.verify};
  scenario.layout = layout_of(options, mode);
  scenario.config = make_config(options, scenario, input_sets);
  (void)required_bytes(scenario.config, scenario.num_ranks);
  return scenario;
}

Scenario make_scenario(const BenchOptions& options, Mode mode, std::int64_t tokens, int input_sets) {
  Scenario scenario = make_shape(options, mode, tokens, input_sets);
  RoutingOptions routing{.kind = routing_kind(options),
                         .num_ranks = scenario.num_ranks,
                         .tokens = tokens,
                         .top_k = scenario.top_k(),
                         .num_experts = options.experts,
                         .groups = options.groups,
                         .topk_groups = options.topk_groups};
  for (int set = 0; set < input_sets; ++set) {
    routing.seed = key_of({options.seed, static_cast<std::uint64_t>(set)});
    scenario.sets.push_back(make_routing(routing));
  }
  return scenario;
}

}  // namespace crossdock::tools::bench
