// The transport of ranks that map the memory of each other: a put is a copy, a signal is a store and a doorbell.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "base/process_mark.hpp"
#include "transport/local/life_line.hpp"
#include "transport/local/rank_memory.hpp"
#include "transport/transport.hpp"

namespace crossdock::transport {

/// One rank (the own one too) as this rank sees it.
struct MappedRank {
  RankMemory memory;
  LifeLine line = {};
};

/// A copy in a forked child writes to no memory: its calls that would do nothing.
class MappedTransport final : public Transport {
 public:
  /// `ranks` and their `claims` in rank order.
  MappedTransport(int rank, std::vector<MappedRank> ranks, std::span<const CoreClaim> claims);
  ~MappedTransport() override;
  MappedTransport(const MappedTransport&) = delete;
  MappedTransport& operator=(const MappedTransport&) = delete;

  int rank() const override { return rank_; }
  int num_ranks() const override { return static_cast<int>(ranks_.size()); }
  Capabilities capabilities() const override;
  CoreShare cores() const override { return cores_; }
  std::span<std::byte> window() override;
  std::byte* peer_window(int peer) override;
  void put(int peer, std::size_t offset, std::span<const std::byte> bytes) override;
  void signal(int peer, int index, std::uint64_t value) override;
  std::uint64_t observed(int source, int index) const override;
  std::uint32_t ticket() const override;
  void sleep(std::uint32_t ticket, std::chrono::microseconds at_most) override;
  void wake() override;
  PeerState peer_state(int peer) override;
  void leave() noexcept override;
  void publish_wait(int peer) override;
  int peer_waits_for(int peer) const override;

 private:
  RankMemory& memory(int rank);
  const RankMemory& memory(int rank) const;

  base::ProcessMark process_;
  int rank_;
  CoreShare cores_;
  std::vector<MappedRank> ranks_;
  std::vector<std::atomic<PeerState>> states_;
};

}  // namespace crossdock::transport
