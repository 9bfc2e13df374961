#include "engine/window_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/known.hpp"
#include "base/math.hpp"
#include "core/layout/region_table.hpp"
#include "core/topology/placement.hpp"
#include "core/topology/topology.hpp"
#include "crossdock/error.hpp"
#include "device/port/peer_port.hpp"
#include "engine/cuda/window.hpp"
#include "transport/local/connect.hpp"
#include "transport/local/mapping.hpp"

namespace crossdock {
namespace engine {
namespace {

void require(bool valid, const char* what, const char* expected, std::int64_t got) {
  if (valid) return;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("GroupConfig::{}: expected {}, got {}", what, expected, got),
              {.operation = "group", .phase = "config"});
}

/// Bytes of the outputs of one dispatch, its combine input and its combine output, where they hold `rows` rows.
/// Takes the same tables as the dispatch outputs do, with every optional part present.
void add_result(core::RegionTable& table, const GroupConfig& config, std::int64_t rows, std::int64_t tokens,
                int max_local, int num_ranks) {
  const auto count = static_cast<std::size_t>(rows);
  const auto row_bytes = static_cast<std::size_t>(config.hidden) * static_cast<std::size_t>(config.element_bytes);
  const auto top_k = static_cast<std::size_t>(config.top_k);
  // Column-major scales round rows up to 4, by expert.
  const std::size_t scale_rows = count + 4 * static_cast<std::size_t>(max_local);
  table.add(count, row_bytes);                                                   // x
  table.add(scale_rows * static_cast<std::size_t>(max_scale_words(config)), 4);  // scales
  table.add(count, 8 * top_k);                                                   // topk_idx, or row origins
  table.add(count, 16);                                                          // row_expert, source
  table.add(count, 4 * top_k);                                                   // weights
  table.add(static_cast<std::size_t>(max_local) * static_cast<std::size_t>(num_ranks + 1), 16);  // counts and offsets
  for (int piece = 0; piece < 8; ++piece) table.add(1, 1);  // alignment of separate pieces
  table.add(count, row_bytes);                              // combine's x
  table.add(count, 4 * top_k);                              // recv_topk_weights
  table.add(static_cast<std::size_t>(tokens), row_bytes);   // y
  table.add(static_cast<std::size_t>(tokens), 4 * top_k);   // topk_weights
}

std::size_t throughput_bytes(const GroupConfig& config, int num_ranks, int max_local) {
  if (config.max_tokens == 0) return 0;
  const std::int64_t wire_rows = static_cast<std::int64_t>(num_ranks) * config.max_tokens;
  core::RegionTable flat;
  add_result(flat, config, wire_rows, config.max_tokens, max_local, num_ranks);
  if (!config.expert_layout) return flat.total();
  core::RegionTable contiguous;
  contiguous.add(1, core::make_wire_layout(largest_wire_shape(config), wire_rows).total);
  const std::int64_t rows = wire_rows * std::min(config.top_k, config.num_experts) +
                            static_cast<std::int64_t>(max_local) * (config.expert_alignment - 1);
  add_result(contiguous, config, rows, config.max_tokens, max_local, num_ranks);
  return std::max(flat.total(), contiguous.total());
}

std::size_t latency_result_bytes(const GroupConfig& config, int num_ranks, int max_local) {
  if (config.latency_max_tokens == 0) return 0;
  core::RegionTable padded;
  const std::int64_t rows = static_cast<std::int64_t>(max_local) * num_ranks * config.latency_max_tokens;
  add_result(padded, config, rows, config.latency_max_tokens, max_local, num_ranks);
  return padded.total();
}

}  // namespace

std::int64_t max_scale_words(const GroupConfig& config) { return base::div_up(config.hidden, 32); }

core::WireShape largest_wire_shape(const GroupConfig& config) {
  const auto top_k = static_cast<std::size_t>(config.top_k);
  return {.x_bytes = static_cast<std::size_t>(config.hidden) * static_cast<std::size_t>(config.element_bytes),
          .scale_bytes = 4 * static_cast<std::size_t>(max_scale_words(config)),
          .idx_bytes = 8 * top_k,
          .weight_bytes = 4 * top_k,
          .token_bytes = 4};
}

WindowLayout::WindowLayout(const GroupConfig& config, int num_ranks)
    : num_ranks_(static_cast<std::size_t>(num_ranks)), control_(config, num_ranks) {
  if (config.latency_max_tokens == 0) return;
  area_bytes_ = core::make_wire_layout(largest_wire_shape(config), config.latency_max_tokens).total;
  core::RegionTable areas;
  areas.add(num_ranks_ * static_cast<std::size_t>(config.latency_slots), area_bytes_);
  latency_bytes_ = areas.total();
}

void check_deadline(const char* what, std::chrono::milliseconds deadline) {
  if (deadline.count() > 0) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected more than 0 ms, got {} ms", what, deadline.count()));
}

void check_config(const GroupConfig& config, int num_ranks) {
  constexpr int kManyTokens = 1 << 24;
  require(num_ranks >= 1, "num_ranks", "at least 1 rank", num_ranks);
  require(config.num_experts >= 1, "num_experts", "at least 1", config.num_experts);
  require(config.top_k >= 1 && config.top_k <= kMaxTopK, "top_k", "1 to 32", config.top_k);
  require(config.hidden >= 1 && config.hidden <= (1 << 20), "hidden", "1 to 1048576", config.hidden);
  require(config.max_tokens >= 0 && config.max_tokens <= kManyTokens, "max_tokens", "0 to 16777216", config.max_tokens);
  require(config.latency_max_tokens >= 0 && config.latency_max_tokens <= kManyTokens, "latency_max_tokens",
          "0 to 16777216", config.latency_max_tokens);
  require(config.max_tokens + config.latency_max_tokens > 0, "max_tokens", "tokens in one mode at least", 0);
  require(config.element_bytes == 2 || config.element_bytes == 4, "element_bytes", "2 or 4", config.element_bytes);
  require(config.expert_alignment >= 1 && config.expert_alignment <= (1 << 20), "expert_alignment", "1 to 1048576",
          config.expert_alignment);
  require(config.latency_slots >= 2 && config.latency_slots <= kNumSlots, "latency_slots", "2 to 8",
          config.latency_slots);
  require(config.live_results >= 1 && config.live_results <= 1024, "live_results", "1 to 1024", config.live_results);
  check_deadline("GroupConfig::deadline", config.deadline);
  require(base::is_known(config.backend), "backend", "0 (cpu) or 1 (cuda)", static_cast<std::int64_t>(config.backend));
  require(config.device >= -1, "device", "-1 or the number of a GPU", config.device);
  require(config.num_sms >= 0 && config.num_sms <= 1024, "num_sms", "0 to 1024", config.num_sms);
  require(config.num_threads >= 0 && config.num_threads <= 4096, "num_threads", "0 to 4096", config.num_threads);
  (void)core::make_topology(num_ranks, config.ranks_per_node);
  if (config.backend == Backend::kCpu) return;
  require(num_ranks <= device::kMaxPeers, "backend (CUDA), ranks", "at most 32", num_ranks);
  require(config.num_experts <= device::kMaxExperts, "num_experts", "at most 1024 on CUDA", config.num_experts);
  require(config.ranks_per_node == 0 || config.ranks_per_node == num_ranks, "ranks_per_node",
          "0 or all ranks: the CUDA backend serves one node", config.ranks_per_node);
}

}  // namespace engine

namespace {

/// Control and latency areas; where the backend is CUDA a result takes `extra` too.
RequiredBytes fixed_bytes(const GroupConfig& config, int num_ranks, std::size_t& extra) {
  if (config.backend == Backend::kCpu) {
    const engine::WindowLayout layout(config, num_ranks);
    return {.control = layout.control().total(), .latency = layout.latency_bytes()};
  }
  const engine::cuda::WindowLayout layout(config, num_ranks);
  extra = engine::cuda::extra_result_bytes(config, num_ranks);
  return {.control = layout.control_bytes(), .latency = layout.latency_bytes()};
}

std::size_t whole_pages(std::size_t bytes) {
  const std::size_t page = transport::page_bytes();
  core::RegionTable pages;
  pages.add(bytes / page + (bytes % page == 0 ? 0 : 1), page);
  return pages.total();
}

}  // namespace

RequiredBytes required_bytes(const GroupConfig& config, int num_ranks) {
  engine::check_config(config, num_ranks);
  const core::Placement placement{.num_experts = config.num_experts, .num_ranks = num_ranks};
  std::size_t extra = 0;
  RequiredBytes required = fixed_bytes(config, num_ranks, extra);
  core::RegionTable results;
  results.add(static_cast<std::size_t>(config.live_results),
              engine::throughput_bytes(config, num_ranks, placement.max_local()) +
                  engine::latency_result_bytes(config, num_ranks, placement.max_local()) + extra);
  required.results = results.total();
  required.signals = transport::signal_bytes(num_ranks, engine::num_signals());
  core::RegionTable window;  // the sum may overflow where its parts do not
  for (const std::size_t part : {required.control, required.latency, required.results}) window.add(1, part);
  required.window = window.total();
  core::RegionTable ranks;
  ranks.add(static_cast<std::size_t>(num_ranks), whole_pages(required.window));
  ranks.add(static_cast<std::size_t>(num_ranks), required.signals);
  required.all_ranks = ranks.total();
  return required;
}

}  // namespace crossdock
