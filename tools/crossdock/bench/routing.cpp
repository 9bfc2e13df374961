#include "bench/routing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

#include "command_line/integer.hpp"
#include "command_line/words.hpp"
#include "crossdock/config.hpp"
#include "crossdock/error.hpp"
#include "crossdock/gate.hpp"
#include "npy.hpp"
#include "random.hpp"

namespace crossdock::tools::bench {
namespace {

enum class Use : std::uint64_t { kExperts, kOrder, kWeights, kLogits };

[[noreturn]] void reject(const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--routing: expected {}, got {}", expected, got));
}

std::uint64_t token_key(const RoutingOptions& options, Use use, int rank, std::int64_t token) {
  return key_of({options.seed, static_cast<std::uint64_t>(use), static_cast<std::uint64_t>(rank),
                 static_cast<std::uint64_t>(token)});
}

/// The exponent of "zipf:A".
double zipf_exponent(std::string_view kind) {
  const std::string_view text = kind.substr(std::string_view("zipf:").size());
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !(value >= 0) || !std::isfinite(value)) {
    reject("zipf:A with A of at least 0", std::string(kind));
  }
  return value;
}

std::vector<std::int32_t> random_order(const RoutingOptions& options) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(options.num_experts));
  std::iota(order.begin(), order.end(), 0);
  Dice dice(key_of({options.seed, static_cast<std::uint64_t>(Use::kOrder)}));
  for (std::size_t i = order.size(); i-- > 1;) {
    std::swap(order[i], order[static_cast<std::size_t>(dice.range(0, static_cast<std::int64_t>(i)))]);
  }
  return order;
}

void require_enough_experts(const RoutingOptions& options) {
  if (options.top_k > options.num_experts) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--experts: expected at least the {} that a token chooses, got {}", options.top_k,
                            options.num_experts));
  }
}

/// Fills one token's row of K experts.
using Chooser = std::function<void(int rank, std::int64_t token, std::int32_t* row)>;

Chooser uniform_chooser(const RoutingOptions& options) {
  require_enough_experts(options);
  return [options](int rank, std::int64_t token, std::int32_t* row) {
    Dice dice(token_key(options, Use::kExperts, rank, token));
    for (int k = 0; k < options.top_k;) {
      const auto expert = static_cast<std::int32_t>(dice.range(0, options.num_experts - 1));
      if (std::find(row, row + k, expert) == row + k) row[k++] = expert;
    }
  };
}

/// Weighted choice without replacement: the largest of log(weight) + Gumbel noise (Efraimidis and Spirakis, 2006).
Chooser zipf_chooser(const RoutingOptions& options) {
  require_enough_experts(options);
  const double exponent = zipf_exponent(options.kind);
  const auto order = random_order(options);
  std::vector<double> log_weight(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    log_weight[static_cast<std::size_t>(order[i])] = -exponent * std::log(static_cast<double>(i + 1));
  }
  return [options, log_weight](int rank, std::int64_t token, std::int32_t* row) {
    const std::uint64_t key = token_key(options, Use::kExperts, rank, token);
    std::vector<std::pair<double, std::int32_t>> scores(log_weight.size());
    for (std::size_t e = 0; e < scores.size(); ++e) {
      scores[e] = {log_weight[e] - std::log(-std::log(unit_double(draw(key, e)))), static_cast<std::int32_t>(e)};
    }
    std::partial_sort(scores.begin(), scores.begin() + options.top_k, scores.end(), std::greater<>());
    for (int k = 0; k < options.top_k; ++k) row[k] = scores[static_cast<std::size_t>(k)].second;
  };
}

Chooser khot_chooser(const RoutingOptions& options) {
  const auto count = parse_integer<int>(std::string_view(options.kind).substr(std::string_view("khot:").size()));
  if (!count || *count < 1 || *count > options.num_experts) {
    reject(fmt::format("khot:K with K of [1, {}]", options.num_experts), options.kind);
  }
  auto hot = random_order(options);
  hot.resize(static_cast<std::size_t>(*count));
  return [options, hot](int rank, std::int64_t token, std::int32_t* row) {
    const std::uint64_t begin = draw(token_key(options, Use::kExperts, rank, token), 0) % hot.size();
    for (int k = 0; k < options.top_k; ++k) row[k] = hot[(begin + static_cast<std::size_t>(k)) % hot.size()];
  };
}

Chooser file_chooser(const RoutingOptions& options) {
  const NpyRouting file = read_npy(options.kind);
  if (file.num_ranks != options.num_ranks || file.num_tokens < options.tokens || file.top_k != options.top_k) {
    reject(fmt::format("[{}, at least {}, {}] in {}", options.num_ranks, options.tokens, options.top_k, options.kind),
           fmt::format("[{}, {}, {}]", file.num_ranks, file.num_tokens, file.top_k));
  }
  const auto bad = std::ranges::find_if(
      file.values, [&](std::int64_t expert) { return expert < -1 || expert >= options.num_experts; });
  if (bad != file.values.end()) {
    reject(fmt::format("-1 or an expert of [0, {}) in {}", options.num_experts, options.kind),
           fmt::format("{} at value {}", *bad, bad - file.values.begin()));
  }
  return [options, file](int rank, std::int64_t token, std::int32_t* row) {
    const std::int64_t* stored = file.values.data() + (rank * file.num_tokens + token) * options.top_k;
    for (int k = 0; k < options.top_k; ++k) row[k] = static_cast<std::int32_t>(stored[k]);
  };
}

/// Weights above 0 that sum up to 1.
void fill_weights(const RoutingOptions& options, int rank, std::int64_t token, float* row) {
  const std::uint64_t key = token_key(options, Use::kWeights, rank, token);
  float sum = 0;
  for (int k = 0; k < options.top_k; ++k) {
    row[k] = 0.125F + unit_float(draw(key, static_cast<std::uint64_t>(k)));
    sum += row[k];
  }
  for (int k = 0; k < options.top_k; ++k) row[k] /= sum;
}

void choose_all(const RoutingOptions& options, const Chooser& choose, Routing& routing) {
  for (int rank = 0; rank < options.num_ranks; ++rank) {
    for (std::int64_t token = 0; token < options.tokens; ++token) {
      choose(rank, token, routing.experts.data() + routing.at(rank, token));
      fill_weights(options, rank, token, routing.weights.data() + routing.at(rank, token));
    }
  }
}

void fill_logits(const RoutingOptions& options, int rank, std::int64_t token, float* logits) {
  const std::uint64_t key = token_key(options, Use::kLogits, rank, token);
  for (int e = 0; e < options.num_experts; ++e) {
    logits[e] = 8.0F * unit_float(draw(key, static_cast<std::uint64_t>(e))) - 4.0F;
  }
}

/// Block by block, for the logits of all tokens together are large.
void gate_all(const RoutingOptions& options, Routing& routing) {
  constexpr std::int64_t kBlock = 512;
  const GateConfig config{.num_experts = options.num_experts,
                          .top_k = options.top_k,
                          .num_groups = options.groups,
                          .top_groups = options.topk_groups};
  std::vector<float> logits(static_cast<std::size_t>(kBlock * options.num_experts));
  for (int rank = 0; rank < options.num_ranks; ++rank) {
    for (std::int64_t begin = 0; begin < options.tokens; begin += kBlock) {
      const std::int64_t count = std::min(kBlock, options.tokens - begin);
      for (std::int64_t i = 0; i < count; ++i) {
        fill_logits(options, rank, begin + i, logits.data() + i * options.num_experts);
      }
      const std::size_t first = routing.at(rank, begin);
      gate(config, dense_view(std::as_const(logits).data(), DType::kFp32, {count, options.num_experts}), {},
           dense_view(routing.experts.data() + first, DType::kInt32, {count, options.top_k}),
           dense_view(routing.weights.data() + first, DType::kFp32, {count, options.top_k}));
    }
  }
}

}  // namespace

bool is_routing_file(const std::string& kind) { return kind.ends_with(".npy"); }

FileShape routing_file_shape(const std::string& path, int num_ranks) {
  const NpyRouting file = read_npy(path);
  if (file.num_ranks != num_ranks || file.top_k < 1 || file.top_k > kMaxTopK || file.num_tokens < 1) {
    reject(fmt::format("[{}, T, K] with T of at least 1 and K of [1, {}] in {}", num_ranks, kMaxTopK, path),
           fmt::format("[{}, {}, {}]", file.num_ranks, file.num_tokens, file.top_k));
  }
  return {.tokens = file.num_tokens, .top_k = static_cast<int>(file.top_k)};
}

Routing make_routing(const RoutingOptions& options) {
  Routing routing{.num_ranks = options.num_ranks, .tokens = options.tokens, .top_k = options.top_k};
  const auto entries = static_cast<std::size_t>(options.num_ranks * options.tokens * options.top_k);
  routing.experts.resize(entries);
  routing.weights.resize(entries);
  if (options.kind == "gate") {
    gate_all(options, routing);
  } else if (options.kind == "uniform") {
    choose_all(options, uniform_chooser(options), routing);
  } else if (options.kind.starts_with("zipf:")) {
    choose_all(options, zipf_chooser(options), routing);
  } else if (options.kind.starts_with("khot:")) {
    choose_all(options, khot_chooser(options), routing);
  } else if (is_routing_file(options.kind)) {
    choose_all(options, file_chooser(options), routing);
  } else {
    const std::vector<std::string> kinds{"uniform", "zipf:A", "khot:K", "gate", "FILE.npy"};
    reject("uniform, zipf:A, khot:K, gate or FILE.npy",
           fmt::format("\"{}\"{}", options.kind, did_you_mean(options.kind, kinds)));
  }
  return routing;
}

}  // namespace crossdock::tools::bench
