#include "cpu/reference/job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/contract/dispatch_contract.hpp"
#include "core/contract/reject.hpp"
#include "crossdock/config.hpp"

namespace crossdock::reference {
namespace {

constexpr core::Caller kCaller{.operation = "reference"};

std::vector<int> live_ranks(const Problem& problem) {
  std::vector<int> all(static_cast<std::size_t>(problem.num_ranks));
  std::iota(all.begin(), all.end(), 0);
  if (problem.live.empty()) return all;
  const bool ascending = std::ranges::adjacent_find(problem.live, std::greater_equal{}) == problem.live.end();
  if (!ascending || problem.live.front() < 0 || problem.live.back() >= problem.num_ranks) {
    core::reject(kCaller, "live", fmt::format("ascending ranks of [0, {})", problem.num_ranks),
                 fmt::format("[{}]", fmt::join(problem.live, ", ")));
  }
  return problem.live;
}

void check_sizes(const Problem& problem, std::size_t num_inputs, std::size_t num_options) {
  if (problem.num_experts < 1) {
    core::reject(kCaller, "num_experts", "at least 1", fmt::format("{}", problem.num_experts));
  }
  constexpr int kManyTokens = 1 << 24;  // as in a GroupConfig
  if (problem.latency_max_tokens < 0 || problem.latency_max_tokens > kManyTokens) {
    core::reject(kCaller, "latency_max_tokens", fmt::format("0 to {}", kManyTokens),
                 fmt::format("{}", problem.latency_max_tokens));
  }
  const auto num_ranks = static_cast<std::size_t>(problem.num_ranks);
  if (num_inputs != num_ranks || num_options != num_ranks) {
    core::reject(kCaller, "inputs", fmt::format("inputs and options of {} ranks", num_ranks),
                 fmt::format("{} and {}", num_inputs, num_options));
  }
}

core::DispatchLimits limits_of(const Job& job, int rank) {
  constexpr int kAny = std::numeric_limits<std::int32_t>::max();
  const bool latency = mode_of(job.options[static_cast<std::size_t>(rank)].layout) == Mode::kLatency;
  return {.rank = rank,
          .num_ranks = job.num_ranks(),
          .num_nodes = job.topology.num_nodes(),
          .num_experts = job.placement.num_experts,
          .max_top_k = kMaxTopK,
          .max_hidden = kAny,
          .max_tokens = latency ? job.latency_max_tokens : kAny,
          .max_expert_alignment = kAny,
          .max_element_bytes = size_of(DType::kFp32)};
}

/// What ranks have to agree on, for comparison and for the message.
std::string agreed(const DispatchInput& input, const DispatchOptions& options) {
  const std::string scales =
      input.scales.given() ? fmt::format("{} [T, {}]", name_of(input.scales.dtype), input.scales.shape[1]) : "none";
  return fmt::format("x {} [T, {}], scales {}, topk_idx {} [T, {}], topk_weights {}, {}, {}, {}, {}, alignment {}",
                     name_of(input.x.dtype), input.x.shape[1], scales, name_of(input.topk_idx.dtype),
                     input.topk_idx.shape[1], input.topk_weights.given() ? "given" : "none", name_of(options.layout),
                     name_of(options.tree), name_of(options.quantize), name_of(options.scale_order),
                     options.expert_alignment);
}

void check_agreement(const Job& job) {
  const auto text = [&job](int rank) {
    const auto index = static_cast<std::size_t>(rank);
    return agreed(job.inputs[index], job.options[index]);
  };
  const int first = job.live.front();
  for (const int rank : job.live) {
    if (text(rank) == text(first)) continue;
    core::reject({.operation = "dispatch", .rank = rank}, "input and options",
                 fmt::format("those of rank {} ({})", first, text(first)), text(rank), ErrorCode::kOptionsMismatch);
  }
}

}  // namespace

bool Job::is_live(int rank) const { return std::ranges::binary_search(live, rank); }

int Job::top_k() const { return static_cast<int>(inputs[static_cast<std::size_t>(live.front())].topk_idx.shape[1]); }

std::int64_t Job::num_tokens(int rank) const {
  return is_live(rank) ? inputs[static_cast<std::size_t>(rank)].x.shape[0] : 0;
}

int Job::expert_of(int source, std::int64_t token, int k) const {
  const ConstTensorView& topk_idx = inputs[static_cast<std::size_t>(source)].topk_idx;
  const auto index = static_cast<std::size_t>(token * topk_idx.shape[1] + k);
  const int expert = topk_idx.dtype == DType::kInt64
                         ? static_cast<int>(static_cast<const std::int64_t*>(topk_idx.data)[index])
                         : static_cast<const std::int32_t*>(topk_idx.data)[index];
  return expert >= 0 && is_live(placement.rank_of(expert)) ? expert : -1;
}

int Job::rank_of(int source, std::int64_t token, int k) const {
  const int expert = expert_of(source, token, k);
  return expert < 0 ? -1 : placement.rank_of(expert);
}

bool Job::goes_to(int source, std::int64_t token, int rank) const {
  for (int k = 0; k < top_k(); ++k) {
    if (rank_of(source, token, k) == rank) return true;
  }
  return false;
}

Job checked_job(const Problem& problem, std::span<const DispatchInput> inputs,
                std::span<const DispatchOptions> options) {
  const core::Topology topology = core::make_topology(problem.num_ranks, problem.ranks_per_node);
  check_sizes(problem, inputs.size(), options.size());
  Job job{.placement = {.num_experts = problem.num_experts, .num_ranks = problem.num_ranks},
          .topology = topology,
          .latency_max_tokens = problem.latency_max_tokens,
          .live = live_ranks(problem),
          .inputs = inputs,
          .options = options};
  for (const int rank : job.live) {
    const auto index = static_cast<std::size_t>(rank);
    core::check_dispatch(inputs[index], options[index], limits_of(job, rank));
  }
  check_agreement(job);
  return job;
}

}  // namespace crossdock::reference
