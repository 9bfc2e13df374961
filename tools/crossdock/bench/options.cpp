#include "bench/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "crossdock/config.hpp"
#include "crossdock/error.hpp"

namespace crossdock::tools::bench {
namespace {

void require(bool valid, std::string_view flag, const std::string& expected, const std::string& got) {
  if (!valid) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("--{}: expected {}, got {}", flag, expected, got));
  }
}

void require_at_least(std::string_view flag, std::int64_t least, std::int64_t got) {
  require(got >= least, flag, fmt::format("at least {}", least), fmt::format("{}", got));
}

void require_one_of(std::string_view flag, std::initializer_list<std::string_view> words, const std::string& got) {
  require(std::ranges::find(words, got) != words.end(), flag, fmt::format("one of {}", fmt::join(words, ", ")),
          fmt::format("\"{}\"", got));
}

}  // namespace

BenchOptions demo_options() {
  BenchOptions options;
  options.nodes = 2;
  options.groups = 8;
  options.topk_groups = 4;
  options.mode = "both";
  return options;
}

void fit_demo(int num_gpus, BenchOptions& options) {
  if (num_gpus == 0) {
    if (options.iterations == 0) options.iterations = 5;
    return;
  }
  constexpr int kRanksOfOneGpu = 4;
  constexpr int kMostRanks = 8;
  options.nodes = 1;
  options.ranks_per_node = num_gpus == 1 ? kRanksOfOneGpu : std::min(num_gpus, kMostRanks);
  options.threads = options.threads || num_gpus == 1;
}

void validate(const BenchOptions& options) {
  require_at_least("nodes", 1, options.nodes);
  require_at_least("ranks-per-node", 1, options.ranks_per_node);
  require_at_least("tokens", 0, options.tokens);
  require_at_least("hidden", 1, options.hidden);
  require_at_least("experts", 1, options.experts);
  require_at_least("iterations", 0, options.iterations);
  require_at_least("warmup", 0, options.warmup);
  constexpr std::int64_t kCentury = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  require(options.deadline_ms >= 1 && options.deadline_ms <= kCentury, "deadline", fmt::format("[1, {}] ms", kCentury),
          fmt::format("{}", options.deadline_ms));
  require(options.top_k >= 1 && options.top_k <= kMaxTopK, "topk", fmt::format("[1, {}]", kMaxTopK),
          fmt::format("{}", options.top_k));
  require(options.groups >= 1 && options.experts % options.groups == 0, "groups",
          fmt::format("a divisor of {} experts", options.experts), fmt::format("{}", options.groups));
  require(options.topk_groups >= 1 && options.topk_groups <= options.groups, "topk-groups",
          fmt::format("[1, {}]", options.groups), fmt::format("{}", options.topk_groups));
  require_one_of("mode", {"throughput", "latency", "both"}, options.mode);
  require_one_of("dtype", {"fp8", "bf16", "fp16", "fp32"}, options.dtype);
  require_one_of("layout", {"flat", "contiguous"}, options.layout);
  require(!options.ready || options.dtype == "fp8", "ready", "--dtype fp8", options.dtype);
  for (const int sms : options.sms) require_at_least("sms", 1, sms);
  const int unit = options.dtype == "fp8" ? kQuantBlock : 8;
  require(options.hidden % unit == 0, "hidden", fmt::format("a multiple of {}", unit),
          fmt::format("{}", options.hidden));
}

}  // namespace crossdock::tools::bench
