// Ranks as threads of one process, on as many GPUs as there are.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "harness/gpu_rank.hpp"

namespace crossdock::gpu {

int num_devices();
/// That a call of each of the ranks may take: its blocks wait for one another, so all of them have to run.
int most_sms(int num_ranks);

/// They live through all cases of one number of ranks.
class Node {
 public:
  Node(int num_ranks, int num_experts, RankLimits limits);

  GpuRank& at(std::size_t rank) { return *ranks_[rank]; }
  std::size_t size() const { return ranks_.size(); }

  /// Ranks of the calls from now on; empty = all.
  void set_live(const std::vector<int>& live);
  bool is_live(std::size_t rank) const { return (live_ >> rank & 1U) != 0; }

  /// `function(rank, GpuRank&)` queues one call on the stream of each live rank; waits until all are done.
  template <typename Function>
  void call(GpuRank::Call call, const Function& function) {
    for (std::size_t rank = 0; rank < size(); ++rank) {
      if (!is_live(rank)) at(rank).skip(call);
    }
    for (std::size_t rank = 0; rank < size(); ++rank) {
      at(rank).use_device();
      if (is_live(rank)) function(rank, at(rank));
    }
    wait();
  }

 private:
  void wait();

  std::vector<std::unique_ptr<GpuRank>> ranks_;
  std::uint32_t live_ = ~0U;
};

}  // namespace crossdock::gpu
