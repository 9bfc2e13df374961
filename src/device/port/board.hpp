// What the ranks of a node tell one another, at the same offsets of every window: each rank writes its own entries of
// every board and reads the own board. Zero before the first operation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/latency_area.hpp"
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

/// What a source tells a receiver once a call, in words that carry the call's tag (sync/tagged.cuh).
inline constexpr int kTermWords = sizeof(Terms) / sizeof(std::int32_t);
inline constexpr int kToldWords = kTermWords + 1;
struct LatencyTold {
  std::uint64_t words[kMaxPeers][kToldWords] = {};  ///< its terms; behind them, of a dispatch, its number of tokens
  /// Dispatch: [source][experts of the board's rank] rows of each; both dense.
  std::uint64_t expert_rows[kMaxExperts + kMaxPeers] = {};
};

/// One slot of latency mode. A source writes its rows at once into the areas of its receivers (latency_area.hpp).
/// Dispatch and combine have boards of their own.
struct LatencyBoard {
  LatencyTold told[kTurns] = {};
  std::uint64_t released[kMaxPeers] = {};  ///< the peer has begun to receive that call: it is done with the one before
  std::uint64_t sent[kMaxPeers] = {};      ///< of a call that failed by its terms: all its rows have come
  std::uint64_t shared[kMaxPeers] = {};    ///< its combine weights may be read, from weights_at on
  std::uint64_t weights_at[kTurns][kMaxPeers] = {};
};

}  // namespace crossdock::device
