#include "engine/cuda/window.hpp"

#include "core/layout/region_table.hpp"
#include "device/port/routing_scratch.hpp"
#include "device/port/row_flags.hpp"
#include "engine/window_layout.hpp"

namespace crossdock::engine::cuda {
namespace {

device::Offer add_area(core::RegionTable& table, const GroupConfig& config, std::int64_t rows) {
  const core::WireShape shape = largest_wire_shape(config);
  const auto count = static_cast<std::size_t>(rows);
  device::Offer area;
  area.x = table.add(count, shape.x_bytes);
  area.scales = table.add(count, shape.scale_bytes);
  area.idx = table.add(count, static_cast<std::size_t>(config.top_k) * sizeof(std::int32_t));
  area.weights = table.add(count, shape.weight_bytes);
  area.capacity = rows;
  return area;
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
  const std::int64_t rows = std::int64_t{num_ranks} * config.latency_max_tokens;
  for (int slot = 0; slot < num_slots_; ++slot) {
    dispatch_areas_.push_back(add_area(table, config, rows));
    combine_areas_.push_back(table.add(static_cast<std::size_t>(rows), largest_wire_shape(config).x_bytes));
    dispatch_flags_.push_back(table.add(1, device::flag_offset(rows, 0, 1)));
    combine_flags_.push_back(table.add(1, device::flag_offset(rows, 0, device::parts_of_row(config.hidden))));
  }
  arena_begin_ = table.total();
}

device::Offer WindowLayout::dispatch_area(int slot) const { return dispatch_areas_[slot_index(slot)]; }

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
