// What the ranks of a node tell one another, at the same offsets of every window: each rank writes its own entries of
// every board and reads the own board. Zero before the first operation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/host_device.hpp"
#include "device/port/peer_port.hpp"
#include "device/port/terms.hpp"

namespace crossdock::device {

/// Blocks of a throughput dispatch: what the largest GPU has SMs, and more.
inline constexpr int kMaxBlocks = 256;

/// Where a receiver wants its rows, one a (token, rank), as offsets in its window.
struct Offer {
  std::uint64_t x = 0;        ///< [capacity, row bytes]
  std::uint64_t scales = 0;   ///< [capacity, scale words]
  std::uint64_t idx = 0;      ///< [capacity, top_k]
  std::uint64_t weights = 0;  ///< [capacity, top_k]
  std::uint64_t tokens = 0;   ///< int32 [capacity]: token at its source; expert layouts only
  std::int64_t capacity = 0;  ///< rows
};

/// The first message of a throughput dispatch, from every rank to every rank: request (how many rows the sender has for
/// everybody) and credit (where its own receivers may write) in one flight. From all of them each rank computes every
/// first row, and whether all fit.
struct Announcement {
  Terms terms = {};
  Offer offer = {};
  std::int32_t blocks = 0;                     ///< of the sender's kernel: so many words of Board::arrived it sets
  std::int64_t layout_capacity = 0;            ///< rows of the layout that the sender takes, padding included
  std::int32_t rows_to[kMaxPeers] = {};        ///< rows of the sender for each rank
  std::int32_t expert_rows[kMaxExperts] = {};  ///< selections of the sender, by expert of all ranks
};

/// Signals carry the tag of their operation; tags only grow. [source].
struct Board {
  std::uint64_t announced[kMaxPeers] = {};            ///< its announcement is here
  std::uint64_t arrived[kMaxPeers][kMaxBlocks] = {};  ///< its rows are here, as far as that block of it stored them
  std::uint64_t shared[kMaxPeers] = {};               ///< its combine weights may be read, from weights_at on
  std::uint64_t ready[kMaxPeers] = {};    ///< its rows may be read, from rows_at on; its combine_terms are here
  std::uint64_t read[kMaxPeers] = {};     ///< it has read this rank's rows
  std::uint64_t gave_up[kMaxPeers] = {};  ///< it gave up on the epoch: WaitLimit::epoch
  std::uint64_t rows_at[kMaxPeers] = {};  ///< offsets in its window
  std::uint64_t weights_at[kMaxPeers] = {};
  std::uint64_t recv_weights_at[kMaxPeers] = {};
  std::uint64_t positions_at[kMaxPeers] = {};
  Terms combine_terms[kMaxPeers] = {};
  Announcement announcements[kMaxPeers] = {};
};

/// "Free again" is a sum: every block of a kernel adds its share of kCallSteps once it has read its part, so no block
/// waits for another one before it speaks, and a source need not know how many blocks a receiver has. The sum reaches
/// steps_of(tag) with the last share of the call with that tag; nobody adds for a call before the one before it is
/// complete. Grids have at most kCallSteps blocks.
inline constexpr int kCallStepBits = 16;
inline constexpr std::uint32_t kCallSteps = 1U << kCallStepBits;

/// The upper bits of the epoch fall off: sums are compared inside an epoch only, whose start sets them.
CROSSDOCK_HD constexpr std::uint64_t steps_of(std::uint64_t tag) { return tag << kCallStepBits; }

/// Of a word that every block looks at there are copies, each on lines of its own; a block looks at one.
inline constexpr int kToldCopies = 32;

/// One slot of latency mode. A source writes its rows at once into the areas of its receivers, which are free when the
/// receiver has released the call before. Rows have flags of their own (row_flags.hpp). Dispatch and combine have
/// boards of their own.
struct LatencyBoard {
  std::uint64_t told[kToldCopies][kMaxPeers] = {};  ///< num_tokens, expert_rows and terms are here
  std::uint64_t released[kMaxPeers] = {};           ///< sum: the peer has read this rank's rows
  std::uint64_t shared[kMaxPeers] = {};             ///< its combine weights may be read, from weights_at on
  std::uint64_t weights_at[kMaxPeers] = {};
  std::int32_t num_tokens[kMaxPeers] = {};
  Terms terms[kMaxPeers] = {};
  /// Dispatch: [source][experts of the board's rank] rows of each; both dense.
  std::int32_t expert_rows[kMaxExperts + kMaxPeers] = {};
};

}  // namespace crossdock::device
