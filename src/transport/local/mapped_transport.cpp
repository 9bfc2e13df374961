#include "transport/local/mapped_transport.hpp"

#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace crossdock::transport {

MappedTransport::MappedTransport(int rank, std::vector<MappedRank> ranks, std::span<const CoreClaim> claims)
    : rank_(rank), cores_(share_of(rank, claims)), ranks_(std::move(ranks)), states_(ranks_.size()) {
  CROSSDOCK_ASSERT(rank >= 0 && rank < num_ranks());
}

// The flag goes up before the connections close (as members they go after this body): a peer that sees the hang-up sees
// the flag too.
MappedTransport::~MappedTransport() { MappedTransport::leave(); }

void MappedTransport::leave() noexcept {
  if (process_.is_inherited()) return;
  memory(rank_).board().mark_left();
  for (int peer = 0; peer < num_ranks(); ++peer) {
    if (peer != rank_) memory(peer).board().ring();
  }
}

RankMemory& MappedTransport::memory(int rank) {
  CROSSDOCK_ASSERT(rank >= 0 && rank < num_ranks());
  return ranks_[static_cast<std::size_t>(rank)].memory;
}

const RankMemory& MappedTransport::memory(int rank) const {
  CROSSDOCK_ASSERT(rank >= 0 && rank < num_ranks());
  return ranks_[static_cast<std::size_t>(rank)].memory;
}

Capabilities MappedTransport::capabilities() const { return {.peer_mapped = true, .ordered = true}; }

std::span<std::byte> MappedTransport::window() { return memory(rank_).window(); }

std::byte* MappedTransport::peer_window(int peer) { return memory(peer).window().data(); }

void MappedTransport::put(int peer, std::size_t offset, std::span<const std::byte> bytes) {
  if (process_.is_inherited()) return;
  const std::span<std::byte> target = memory(peer).window();
  CROSSDOCK_ASSERT(offset <= target.size() && bytes.size() <= target.size() - offset);
  if (!bytes.empty()) std::memcpy(target.data() + offset, bytes.data(), bytes.size());
}

void MappedTransport::signal(int peer, int index, std::uint64_t value) {
  if (!process_.is_inherited()) memory(peer).board().set(rank_, index, value);
}

std::uint64_t MappedTransport::observed(int source, int index) const {
  return memory(rank_).board().word(source, index);
}

std::uint32_t MappedTransport::ticket() const { return memory(rank_).board().ticket(); }

void MappedTransport::sleep(std::uint32_t ticket, std::chrono::microseconds at_most) {
  // Spinning takes the core from the very rank that is waited for where there are more ranks than cores: a barrier of 4
  // processes on 2 cores took 4,060 us spinning and 8 us sleeping.
  memory(rank_).board().sleep(ticket, at_most, cores_.may_spin);
}

void MappedTransport::wake() { memory(rank_).board().ring(); }

PeerState MappedTransport::peer_state(int peer) {
  const RankMemory& seen = memory(peer);
  const auto index = static_cast<std::size_t>(peer);
  PeerState state = states_[index].load(std::memory_order_relaxed);
  if (state != PeerState::kAlive) return state;
  const bool broken = ranks_[index].line.broken();
  // After `broken`: a peer that left raised its flag before it hung up.
  if (seen.board().left()) {
    state = PeerState::kLeft;
  } else if (broken) {
    state = PeerState::kLost;
  }
  if (state != PeerState::kAlive) states_[index].store(state, std::memory_order_relaxed);
  return state;
}

void MappedTransport::publish_wait(int peer) { memory(rank_).board().publish_wait(peer); }

int MappedTransport::peer_waits_for(int peer) const { return memory(peer).board().waits_for(); }

}  // namespace crossdock::transport
