// The parts of a window of GPU memory, in order: boards, words of the own kernels, latency areas, arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crossdock/config.hpp"
#include "device/port/board.hpp"
#include "engine/control.hpp"

namespace crossdock::engine::cuda {

/// Words that only the kernels of the window's own rank touch.
struct OwnWords {
  device::Channel dispatch = {};
  device::Channel share = {};  ///< weights given at combine
  device::Channel combine = {};
  device::Channel latency_send[kNumSlots] = {};
  device::Channel latency_receive[kNumSlots] = {};
  device::Channel combine_send[kNumSlots] = {};
  device::Channel combine_receive[kNumSlots] = {};
  std::uint64_t waited[device::kMaxPeers] = {};
  std::uint32_t gave_up = 0;
};

/// The same on every rank, so that offsets mean the same everywhere.
class WindowLayout {
 public:
  WindowLayout(const GroupConfig& config, int num_ranks);

  std::size_t board() const { return board_; }
  std::size_t dispatch_board(int slot) const { return boards_ + slot_index(slot) * sizeof(device::LatencyBoard); }
  std::size_t combine_board(int slot) const { return dispatch_board(num_slots_ + slot); }
  std::size_t own_words() const { return own_words_; }
  std::size_t routing_scratch() const { return scratch_; }
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  /// Where peers write their rows; parts are as far apart as the largest call needs.
  const device::LatencyArea& dispatch_area(int slot) const { return dispatch_areas_[slot_index(slot)]; }
  const device::LatencyArea& combine_area(int slot) const { return combine_areas_[slot_index(slot)]; }
  std::size_t control_bytes() const { return control_bytes_; }
  std::size_t latency_bytes() const { return arena_begin_ - control_bytes_; }
  std::size_t arena_begin() const { return arena_begin_; }

 private:
  static std::size_t slot_index(int slot) { return static_cast<std::size_t>(slot); }

  int num_slots_ = 0;
  std::size_t board_ = 0;
  std::size_t boards_ = 0;
  std::size_t own_words_ = 0;
  std::size_t scratch_ = 0;
  std::size_t scratch_bytes_ = 0;
  std::size_t control_bytes_ = 0;
  std::vector<device::LatencyArea> dispatch_areas_;
  std::vector<device::LatencyArea> combine_areas_;
  std::size_t arena_begin_ = 0;
};

/// Beside what the CPU backend needs of one result: the handle, rows made FP8 inside, rows gathered for combine.
std::size_t extra_result_bytes(const GroupConfig& config, int num_ranks);

}  // namespace crossdock::engine::cuda
