// Combine of expert layouts at the expert's rank: the rows of a token's selections become one row, which goes where the
// token's rank looks for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"
#include "device/port/board.hpp"
#include "device/port/latency_area.hpp"
#include "device/port/peer_port.hpp"
#include "device/port/terms.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

struct GatherArgs {
  device::PeerPort port = {};
  std::uint64_t board = 0;  ///< offset of the Board in every window
  int top_k = 0;
  int hidden = 0;  ///< hidden x element size is a multiple of 16 bytes, for both types
  DType row_dtype = DType::kBf16;
  DType wire_dtype = DType::kBf16;  ///< bf16, fp16 or fp32: the sum is rounded to it

  const std::byte* x = nullptr;  ///< the expert's rows, as the layout has them, 16-byte aligned

  // What dispatch left at this rank
  const std::int32_t* first_row = nullptr;  ///< [R]: arrived rows, by source
  const std::int32_t* num_rows = nullptr;   ///< [R]
  const std::int32_t* positions = nullptr;  ///< [arrived rows, K]: row of x, or -1
  const std::int32_t* tokens = nullptr;     ///< [arrived rows]: token at its source; nullptr: the row's ordinal there
  const float* weights = nullptr;           ///< [arrived rows, K] given at dispatch, or nullptr
  const std::uint32_t* failed = nullptr;    ///< [1]: not 0 = no rows arrived: kSource tells the tokens' ranks

  // Weights given at combine, which win: every live rank's lie in its window at an offset that it posts, in the Board
  // with kOwn, in the LatencyBoard with kSource.
  bool weights_at_source = false;
  const float* topk_weights = nullptr;  ///< this rank's, [T, K], in its window

  /// kOwn: arrived row r goes to out + r * row bytes. kSource: the row of source s and token t becomes row rank *
  /// tokens_per_source + t of the area of s.
  enum class Target : std::int32_t { kOwn, kSource } target = Target::kOwn;
  bool leaves_own = false;  ///< kSource: rows of this rank's own tokens are left to its LatencySumArgs::own
  std::byte* out = nullptr;
  device::LatencyArea area = {};  ///< kSource
  std::int64_t tokens_per_source = 0;

  device::Channel* channel = nullptr;  ///< kOwn: of the weights' handshake. kSource: of the latency combine's send
  device::WaitLimit limit = {};
  bool alone = false;  ///< on its GPU: the next kernel's blocks may come while these run

  /// rejected >= 0: no rows, only the handshake; the others go with the rows of kSource.
  device::Terms terms = {};
  std::uint64_t latency_board = 0;  ///< kSource: offset of the combine's LatencyBoard in every window
};

/// Latency mode: ranks whose rows this one gathers, and parts of rows that may have come of them; a rank that rejected
/// its call has none.
CROSSDOCK_HD constexpr int num_gathered_sources(const GatherArgs& args) {
  return args.port.num_ranks - (args.leaves_own ? 1 : 0);
}
CROSSDOCK_HD constexpr int num_latency_parts(const GatherArgs& args) {
  const int rows = num_gathered_sources(args) * static_cast<int>(args.tokens_per_source);
  return args.terms.rejected < 0 ? rows * device::parts_of_row(args.hidden) : 0;
}

}  // namespace crossdock::kernels
