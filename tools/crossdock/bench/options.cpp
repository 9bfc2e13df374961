#include "bench/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "command_line/words.hpp"
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

}  // namespace

BenchOptions demo_options() {
  BenchOptions options;
  options.nodes = 2;
  options.ranks_per_node = 4;
  options.groups = 8;
  options.topk_groups = 4;
  options.mode = "both";
  options.fit_memory = true;
  return options;
}

void fit_ranks(int launched, BenchOptions& options) {
  constexpr int kUsual = 4;
  if (launched == 0) {
    if (options.ranks_per_node == 0) options.ranks_per_node = kUsual;
    return;
  }
  require(!options.threads, "threads", fmt::format("the {} ranks of a launcher, which are processes", launched),
          "threads");
  if (options.ranks_per_node == 0 && options.nodes <= launched) options.ranks_per_node = launched / options.nodes;
  require(std::int64_t{options.nodes} * options.ranks_per_node == launched, "ranks-per-node",
          fmt::format("nodes x ranks of {}, as a launcher has started them", launched),
          fmt::format("{} x {}", options.nodes, options.ranks_per_node));
}

void fit_demo(int num_gpus, int launched, BenchOptions& options) {
  if (num_gpus == 0 && options.iterations == 0) options.iterations = 5;
  if (launched > 0) {
    options.nodes = num_gpus == 0 && launched % 2 == 0 ? 2 : 1;
    options.ranks_per_node = launched / options.nodes;
    return;
  }
  if (num_gpus == 0) return;
  constexpr int kRanksOfOneGpu = 4;
  constexpr int kMostOfDemo = 8;
  options.nodes = 1;
  options.ranks_per_node = num_gpus == 1 ? kRanksOfOneGpu : std::min(num_gpus, kMostOfDemo);
  options.threads = options.threads || num_gpus == 1;
}

void validate(const BenchOptions& options) {
  require_at_least("nodes", 1, options.nodes);
  require_at_least("ranks-per-node", 1, options.ranks_per_node);
  require(std::int64_t{options.nodes} * options.ranks_per_node <= kMostRanks, "ranks-per-node",
          fmt::format("at most {} ranks in all", kMostRanks),
          fmt::format("{} x {}", options.nodes, options.ranks_per_node));
  require_at_least("tokens", 0, options.tokens);
  require_at_least("hidden", 1, options.hidden);
  require_at_least("experts", 1, options.experts);
  require_at_least("iterations", 0, options.iterations);
  require_at_least("warmup", -1, options.warmup);
  constexpr std::int64_t kCentury = std::int64_t{100} * 365 * 24 * 3600 * 1000;
  require(options.deadline_ms >= 1 && options.deadline_ms <= kCentury, "deadline", fmt::format("[1, {}] ms", kCentury),
          fmt::format("{}", options.deadline_ms));
  require(options.top_k >= 0 && options.top_k <= kMaxTopK, "topk", fmt::format("[1, {}]", kMaxTopK),
          fmt::format("{}", options.top_k));
  require(options.groups >= 1 && options.experts % options.groups == 0, "groups",
          fmt::format("a divisor of {} experts", options.experts), fmt::format("{}", options.groups));
  require(options.topk_groups >= 1 && options.topk_groups <= options.groups, "topk-groups",
          fmt::format("[1, {}]", options.groups), fmt::format("{}", options.topk_groups));
  require_word("--mode", {"throughput", "latency", "both"}, options.mode);
  require_word("--dtype", {"fp8", "bf16", "fp16", "fp32"}, options.dtype);
  if (!options.layout.empty()) {
    require_word("--layout", {"flat", "contiguous"}, options.layout);
    require(options.mode != "latency", "layout", "--mode throughput or both (latency mode has one layout)", "latency");
  }
  require(options.groups == 1 || options.routing.empty() || options.routing == "gate", "groups",
          "--routing gate, which alone knows groups", options.routing);
  require(!options.ready || options.dtype == "fp8", "ready", "--dtype fp8", options.dtype);
  for (const int sms : options.sms) require_at_least("sms", 1, sms);
  const int unit = options.dtype == "fp8" ? kQuantBlock : 8;
  require(options.hidden % unit == 0, "hidden", fmt::format("a multiple of {}", unit),
          fmt::format("{}", options.hidden));
}

}  // namespace crossdock::tools::bench
