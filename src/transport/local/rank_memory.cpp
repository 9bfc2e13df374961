#include "transport/local/rank_memory.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "base/math.hpp"
#include "crossdock/error.hpp"

namespace crossdock::transport {

std::size_t RankMemoryShape::window_offset() const { return base::round_up(board.bytes(), page_bytes()); }

void check_shape(const RankMemoryShape& shape) {
  if (shape.board.num_signals < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("num_signals: expected 0 or more, got {}", shape.board.num_signals));
  }
  // File sizes are signed.
  constexpr std::size_t kMost = std::numeric_limits<std::int64_t>::max();
  if (shape.window_bytes > kMost - shape.window_offset()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("window_bytes: {} bytes do not fit an address space", shape.window_bytes));
  }
}

std::vector<RankMemoryShape> shapes_of(const std::vector<MemoryOffer>& offers) {
  std::vector<RankMemoryShape> shapes;
  for (std::size_t rank = 0; rank < offers.size(); ++rank) {
    if (offers[rank].num_signals != offers[0].num_signals) {
      throw Error(ErrorCode::kOptionsMismatch,
                  fmt::format("num_signals: expected the same on all ranks, got {} on rank 0 and {} on rank {}",
                              offers[0].num_signals, offers[rank].num_signals, rank));
    }
    shapes.push_back({.board = {.num_ranks = static_cast<int>(offers.size()),
                                .num_signals = static_cast<int>(offers[rank].num_signals)},
                      .window_bytes = offers[rank].window_bytes});
    check_shape(shapes.back());
  }
  return shapes;
}

RankMemory::RankMemory(std::shared_ptr<const Mapping> memory, const RankMemoryShape& shape)
    : memory_(std::move(memory)),
      board_(memory_->bytes().data(), shape.board),
      window_(memory_->bytes().subspan(shape.window_offset(), shape.window_bytes)) {
  CROSSDOCK_ASSERT(memory_->bytes().size() == shape.bytes());
}

}  // namespace crossdock::transport
