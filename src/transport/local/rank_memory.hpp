// One rank's memory that all ranks map: its signal board, then its window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "transport/bootstrap/introduction.hpp"
#include "transport/local/mapping.hpp"
#include "transport/local/signal_board.hpp"

namespace crossdock::transport {

/// Everybody computes it from the same numbers, so sizes and addresses cannot disagree.
struct RankMemoryShape {
  SignalBoard::Shape board = {};
  std::size_t window_bytes = 0;

  /// Where the window begins: a multiple of the page size.
  std::size_t window_offset() const;
  std::size_t bytes() const { return window_offset() + window_bytes; }
};

/// Throws Error(kInvalidArgument) where the sizes make no mapping that an address space can hold.
void check_shape(const RankMemoryShape& shape);

/// The shapes by rank. Throws Error(kOptionsMismatch) where ranks differ in num_signals, (kInvalidArgument) where sizes
/// are not possible.
std::vector<RankMemoryShape> shapes_of(const std::vector<MemoryOffer>& offers);

/// The memory of a rank as one rank sees it.
class RankMemory {
 public:
  /// `memory` has shape.bytes() bytes, zeros at first.
  RankMemory(std::shared_ptr<const Mapping> memory, const RankMemoryShape& shape);

  SignalBoard& board() { return board_; }
  const SignalBoard& board() const { return board_; }
  std::span<std::byte> window() const { return window_; }

 private:
  std::shared_ptr<const Mapping> memory_;
  SignalBoard board_;
  std::span<std::byte> window_;
};

}  // namespace crossdock::transport
