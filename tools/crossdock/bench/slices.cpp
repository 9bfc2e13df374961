#include "bench/slices.hpp"

#include <algorithm>
#include <utility>

namespace crossdock::tools::bench {
namespace {

constexpr int kAnyDestination = -1;
constexpr std::int64_t kMostTokens = 256;

std::int64_t tokens_within(std::size_t bytes_per_token) {
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kSliceBytes / bytes_per_token), 1, kMostTokens);
}

/// kExpertPadded: a token a rank adds R rows to every expert, on all ranks together.
std::size_t padded_bytes_per_token(const Scenario& scenario) {
  return static_cast<std::size_t>(scenario.num_experts) * static_cast<std::size_t>(scenario.num_ranks) *
         scenario.combine_row_bytes();
}

}  // namespace

Slice::Slice(const Scenario& scenario, std::int64_t tokens)
    : problem_{.num_ranks = scenario.num_ranks,
               .ranks_per_node = scenario.ranks_per_node,
               .num_experts = scenario.num_experts,
               .latency_max_tokens = static_cast<int>(tokens)},
      options_(static_cast<std::size_t>(scenario.num_ranks), scenario.dispatch_options()) {
  parts_.reserve(options_.size());  // views point into the parts
}

Slice Slice::towards(const Scenario& scenario, int set, int destination, std::int64_t begin, std::int64_t end) {
  Slice slice(scenario, end - begin);
  for (int rank = 0; rank < scenario.num_ranks; ++rank) slice.add(scenario, set, rank, begin, end, destination);
  return slice;
}

Slice Slice::from(const Scenario& scenario, int set, int source, std::int64_t begin, std::int64_t end) {
  Slice slice(scenario, end - begin);
  for (int rank = 0; rank < scenario.num_ranks; ++rank) {
    if (rank == source) {
      slice.add(scenario, set, rank, begin, end, kAnyDestination);
    } else {
      slice.add_empty(scenario);
    }
  }
  return slice;
}

void Slice::add(const Scenario& scenario, int set, int source, std::int64_t begin, std::int64_t end, int destination) {
  const Routing& routing = scenario.sets[static_cast<std::size_t>(set)];
  const auto first = static_cast<std::ptrdiff_t>(routing.at(source, begin));
  const auto last = static_cast<std::ptrdiff_t>(routing.at(source, end));
  Part& part = parts_.emplace_back();
  part.experts.assign(routing.experts.begin() + first, routing.experts.begin() + last);
  part.weights.assign(routing.weights.begin() + first, routing.weights.begin() + last);
  const auto words = static_cast<std::size_t>(scenario.scale_words());
  part.x.resize(static_cast<std::size_t>(end - begin) * scenario.x_row_bytes());
  part.scales.resize(static_cast<std::size_t>(end - begin) * words);
  for (std::int64_t token = begin; token < end; ++token) {
    std::int32_t* row = part.experts.data() + (token - begin) * routing.top_k;
    if (destination != kAnyDestination) {
      std::replace_if(row, row + routing.top_k, [&](std::int32_t e) { return !scenario.is_local(e, destination); }, -1);
    }
    if (std::all_of(row, row + routing.top_k, [](std::int32_t e) { return e < 0; })) continue;
    std::byte* x = part.x.data() + static_cast<std::size_t>(token - begin) * scenario.x_row_bytes();
    fill_x_row(scenario, set, source, token, {x, scenario.x_row_bytes()});
    if (words == 0) continue;
    fill_scales_row(scenario, set, source, token,
                    {part.scales.data() + static_cast<std::size_t>(token - begin) * words, words});
  }
  const std::int64_t tokens = end - begin;
  inputs_.push_back(
      {.x = dense_view(std::as_const(part.x).data(), scenario.x_dtype, {tokens, scenario.hidden}),
       .topk_idx = dense_view(std::as_const(part.experts).data(), DType::kInt32, {tokens, routing.top_k}),
       .topk_weights = dense_view(std::as_const(part.weights).data(), DType::kFp32, {tokens, routing.top_k})});
  if (words == 0) return;
  inputs_.back().scales =
      dense_view(std::as_const(part.scales).data(), DType::kFp32, {tokens, static_cast<std::int64_t>(words)});
}

void Slice::add_empty(const Scenario& scenario) {
  parts_.emplace_back();
  static constexpr std::int64_t kNothing = 0;
  const void* nothing = &kNothing;
  inputs_.push_back({.x = dense_view(nothing, scenario.x_dtype, {0, scenario.hidden}),
                     .topk_idx = dense_view(nothing, DType::kInt32, {0, scenario.top_k()}),
                     .topk_weights = dense_view(nothing, DType::kFp32, {0, scenario.top_k()})});
  if (scenario.scale_words() > 0) {
    inputs_.back().scales = dense_view(nothing, DType::kFp32, {0, scenario.scale_words()});
  }
}

std::int64_t slice_tokens_towards(const Scenario& scenario) {
  if (scenario.layout == Layout::kExpertPadded) return tokens_within(padded_bytes_per_token(scenario));
  const std::size_t rows = static_cast<std::size_t>(scenario.num_ranks) *
                           (scenario.layout == Layout::kFlat ? 1 : static_cast<std::size_t>(scenario.top_k()));
  return tokens_within(rows * scenario.combine_row_bytes());
}

std::int64_t slice_tokens_from(const Scenario& scenario) {
  if (scenario.layout == Layout::kExpertPadded) return tokens_within(padded_bytes_per_token(scenario));
  return tokens_within(static_cast<std::size_t>(scenario.top_k()) * scenario.combine_row_bytes());
}

}  // namespace crossdock::tools::bench
