// The parts of a window, in order: control blocks, latency areas, arena.
#pragma once

#include <chrono>
#include <cstddef>

#include "core/layout/wire_layout.hpp"
#include "crossdock/config.hpp"
#include "engine/control.hpp"

namespace crossdock::engine {

/// Most scale words of a row: one for 32 channels, as the finest block formats have.
std::int64_t max_scale_words(const GroupConfig& config);

/// The largest row that crosses, with everything beside it.
core::WireShape largest_wire_shape(const GroupConfig& config);

/// The same on every rank, so that offsets mean the same everywhere.
class WindowLayout {
 public:
  WindowLayout(const GroupConfig& config, int num_ranks);

  const ControlLayout& control() const { return control_; }
  /// Where `source` writes its rows of a latency dispatch.
  std::size_t latency_area(int slot, int source) const {
    return control_.total() +
           (static_cast<std::size_t>(slot) * num_ranks_ + static_cast<std::size_t>(source)) * area_bytes_;
  }
  std::size_t latency_bytes() const { return latency_bytes_; }
  std::size_t arena_begin() const { return control_.total() + latency_bytes_; }

 private:
  std::size_t num_ranks_ = 0;
  ControlLayout control_;
  std::size_t area_bytes_ = 0;
  std::size_t latency_bytes_ = 0;
};

/// Throws InvalidArgument where it is not more than 0.
void check_deadline(const char* what, std::chrono::milliseconds deadline);

/// Throws InvalidArgument (what, expected, got).
void check_config(const GroupConfig& config, int num_ranks);

}  // namespace crossdock::engine
