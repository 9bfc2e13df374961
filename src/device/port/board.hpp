// What the ranks of a node tell one another, at the same offset of every window: each rank writes its own entries of
// every board and reads the own board. It has to be zero before the first operation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/peer_port.hpp"

namespace crossdock::device {

inline constexpr int kMaxLocalExperts = 512;

/// Where a receiver wants its rows, as offsets in its window, and how many it takes.
struct Offer {
  std::uint64_t x = 0;        ///< [capacity, row bytes]
  std::uint64_t scales = 0;   ///< [capacity, scale words]
  std::uint64_t idx = 0;      ///< [capacity, top_k]
  std::uint64_t weights = 0;  ///< [capacity, top_k]
  std::int64_t capacity = 0;  ///< rows
};

/// The first message of a dispatch, from every rank to every rank: request (how many rows the sender has for everybody)
/// and credit (where its own receivers may write) in one flight. From all of them each rank computes every first row,
/// and whether all fit.
struct Announcement {
  Offer offer = {};
  std::int32_t rows_to[kMaxPeers] = {};             ///< rows of the sender for each rank
  std::int32_t expert_rows[kMaxLocalExperts] = {};  ///< selections of the sender for each expert of the reader
};

/// Signals carry the tag of their operation; tags only grow. [source].
struct Board {
  std::uint64_t announced[kMaxPeers] = {};  ///< its announcement is here
  std::uint64_t arrived[kMaxPeers] = {};    ///< its rows are here
  std::uint64_t ready[kMaxPeers] = {};      ///< its rows may be read, from rows_at on
  std::uint64_t read[kMaxPeers] = {};       ///< it has read this rank's rows
  std::uint64_t rows_at[kMaxPeers] = {};    ///< offset in its window
  Announcement announcements[kMaxPeers] = {};
};

}  // namespace crossdock::device
