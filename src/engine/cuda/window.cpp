#include "engine/cuda/window.hpp"

#include "core/layout/region_table.hpp"
#include "device/port/routing_scratch.hpp"
#include "engine/window_layout.hpp"

namespace crossdock::engine::cuda {
namespace {

/// Room for both turns.
device::LatencyArea placed(device::LatencyArea area, const core::RegionTable& turn, core::RegionTable& table) {
  area.turn_bytes = turn.total();
  const std::size_t begin = table.add(device::kTurns, turn.total());
  for (std::uint64_t* part : {&area.x, &area.scales, &area.selections, &area.marks}) *part += begin;
  return area;
}

device::LatencyArea add_dispatch_area(core::RegionTable& table, const GroupConfig& config, std::size_t rows) {
  const core::WireShape shape = largest_wire_shape(config);
  const auto parts = static_cast<std::size_t>(device::parts_of_bytes(static_cast<int>(shape.x_bytes)));
  core::RegionTable turn;
  device::LatencyArea area;
  area.x = turn.add(rows, shape.x_bytes);
  area.scales = turn.add(rows, shape.scale_bytes);
  area.selections = turn.add(rows, (parts + 1) * static_cast<std::size_t>(config.top_k) * sizeof(std::uint64_t));
  area.marks = turn.add(rows, sizeof(std::uint64_t));
  return placed(area, turn, table);
}

device::LatencyArea add_combine_area(core::RegionTable& table, const GroupConfig& config, std::size_t rows) {
  core::RegionTable turn;
  device::LatencyArea area;
  area.x = turn.add(rows, largest_wire_shape(config).x_bytes);
  area.marks = turn.add(rows, static_cast<std::size_t>(device::parts_of_row(config.hidden)) * sizeof(std::uint64_t));
  return placed(area, turn, table);
}

}  // namespace

WindowLayout::WindowLayout(const GroupConfig& config, int num_ranks) {
  core::RegionTable table;
  num_slots_ = config.latency_max_tokens > 0 ? config.latency_slots : 0;
  board_ = table.add(1, sizeof(device::Board));
  boards_ = table.add(2 * slot_index(num_slots_), sizeof(device::LatencyBoard));
  own_words_ = table.add(1, sizeof(OwnWords));
  scratch_bytes_ = device::routing_scratch_bytes(config.max_tokens);
  scratch_ = table.add(1, scratch_bytes_);
  control_bytes_ = table.total();
  const auto rows = static_cast<std::size_t>(num_ranks) * static_cast<std::size_t>(config.latency_max_tokens);
  for (int slot = 0; slot < num_slots_; ++slot) {
    dispatch_areas_.push_back(add_dispatch_area(table, config, rows));
    combine_areas_.push_back(add_combine_area(table, config, rows));
  }
  arena_begin_ = table.total();
}

std::size_t extra_result_bytes(const GroupConfig& config, int num_ranks) {
  const auto tokens = static_cast<std::size_t>(std::max(config.max_tokens, config.latency_max_tokens));
  const auto ranks = static_cast<std::size_t>(num_ranks);
  const auto top_k = static_cast<std::size_t>(config.top_k);
  const core::WireShape shape = largest_wire_shape(config);
  core::RegionTable table;
  table.add(tokens, 4 * (ranks + 2 * top_k));                               // slots, selections, weights
  table.add(ranks * tokens, 4 * (2 * top_k + 1));                           // positions, weights, tokens
  table.add(static_cast<std::size_t>(config.num_experts) + 8 * ranks, 16);  // counts
  table.add(tokens, 2 * shape.x_bytes + shape.scale_bytes);                 // dense rows, rows made FP8
  table.add(ranks * tokens, shape.x_bytes);                                 // gathered rows
  for (int piece = 0; piece < 16; ++piece) table.add(1, 1);                 // alignment of separate pieces
  return table.total();
}

}  // namespace crossdock::engine::cuda
