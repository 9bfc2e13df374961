#include "engine/quarantine.hpp"

#include <algorithm>

namespace crossdock::engine {

void Quarantine::hold(WindowBuffer memory, int index, std::uint64_t tag, std::int64_t epoch,
                      std::span<const int> ranks) {
  held_.push_back(
      {.memory = std::move(memory), .index = index, .tag = tag, .epoch = epoch, .ranks = {ranks.begin(), ranks.end()}});
  purge();
}

void Quarantine::hold_from_kernels(WindowBuffer memory, std::int64_t epoch, std::span<const int> ranks) {
  held_.push_back(
      {.memory = std::move(memory), .epoch = epoch, .by_kernels = true, .ranks = {ranks.begin(), ranks.end()}});
  purge();
}

void Quarantine::purge() {
  std::erase_if(held_, [this](Held& held) {
    std::erase_if(held.ranks, [&](int rank) { return is_done(held, rank); });
    return held.ranks.empty();
  });
}

bool Quarantine::is_done(const Held& held, int rank) const {
  const std::uint64_t word = epoch_word(held.epoch);
  const bool said_so = !held.by_kernels && (transport_->observed(rank, held.index) >= held.tag ||
                                            transport_->observed(rank, signal_index(SignalKind::kAbort)) >= word);
  return said_so || transport_->observed(rank, signal_index(SignalKind::kCommit)) > word ||
         transport_->peer_state(rank) != transport::PeerState::kAlive;
}

}  // namespace crossdock::engine
