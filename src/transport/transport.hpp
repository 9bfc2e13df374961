// Moves bytes and signals between the windows of ranks. Knows nothing of tokens.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "transport/capabilities.hpp"
#include "transport/system/cores.hpp"

namespace crossdock::transport {

/// kLeft: its transport was destroyed in order. kLost: its process is gone.
enum class PeerState : std::uint8_t { kAlive, kLeft, kLost };

/// One rank's end. One thread at a time, except signal, peer_state and wake, which any thread may call.
/// The destructor waits for nobody: peers that still map this window keep it until they are done.
class Transport {
 public:
  virtual ~Transport() = default;

  virtual int rank() const = 0;
  virtual int num_ranks() const = 0;
  virtual Capabilities capabilities() const = 0;
  /// This rank's part of the cores of its machine, as it was when the ranks connected.
  virtual CoreShare cores() const = 0;

  /// The own window: zero at the start, committed page by page as it is touched, aligned to a page.
  virtual std::span<std::byte> window() = 0;
  /// A peer's window (the own one for the own rank), nullptr unless peer_mapped.
  virtual std::byte* peer_window(int peer) = 0;

  /// Copies bytes to `offset` of the peer's window. `bytes` may be reused at once.
  virtual void put(int peer, std::size_t offset, std::span<const std::byte> bytes) = 0;

  /// Sets word `index` (below num_signals) that `peer` keeps for this rank, and wakes the peer. Release: whoever
  /// observes the value sees every earlier put, and every earlier store through peer_window, of this thread.
  virtual void signal(int peer, int index, std::uint64_t value) = 0;
  /// The word that `source` last set here; 0 at the start. Acquire.
  virtual std::uint64_t observed(int source, int index) const = 0;

  /// Number of signals that arrived so far. Take it before looking at words, then sleep on it: a signal that came
  /// in between ends the sleep at once.
  virtual std::uint32_t ticket() const = 0;
  /// Returns when the number is no longer `ticket`, or after `at_most`; it may also return early.
  virtual void sleep(std::uint32_t ticket, std::chrono::microseconds at_most) = 0;
  /// Ends this rank's sleep; for another thread of this rank.
  virtual void wake() = 0;

  /// Looks now. A rank that left or was lost stays so.
  virtual PeerState peer_state(int peer) = 0;

  /// Peers see kLeft from now on; the memory stays mapped while this lives. The destructor does it too.
  virtual void leave() noexcept = 0;

  /// Tells peers that this rank waits for `peer`; -1 = for nobody. A hang is blamed on the rank that waits for nobody.
  virtual void publish_wait(int peer) = 0;
  /// What a peer published; -1 where it waits for nobody.
  virtual int peer_waits_for(int peer) const = 0;
};

}  // namespace crossdock::transport
