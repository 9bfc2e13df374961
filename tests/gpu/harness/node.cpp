#include "harness/node.hpp"

#include <algorithm>

#include "crossdock/world.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::gpu {

int num_devices() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

int most_sms(int num_ranks) {
  int sms = 0;
  kernels::check_cuda(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0), "SMs");
  const int ranks_of_gpu = (num_ranks + num_devices() - 1) / num_devices();
  return std::max(1, sms / ranks_of_gpu);
}

Node::Node(int num_ranks, int num_experts, RankLimits limits) : ranks_(static_cast<std::size_t>(num_ranks)) {
  limits.num_ranks = num_ranks;
  limits.num_experts = num_experts;
  const std::vector<World> worlds = World::threads(num_ranks);
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    threads.emplace_back([&, rank] {
      ranks_[rank] =
          std::make_unique<GpuRank>(*worlds[rank].bootstrap(), static_cast<int>(rank) % num_devices(), limits);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void Node::set_live(const std::vector<int>& live) {
  live_ = live.empty() ? ~0U : 0U;
  for (const int rank : live) live_ |= 1U << rank;
  for (const auto& rank : ranks_) rank->set_live(live_);
}

void Node::wait() {
  for (const auto& rank : ranks_) {
    rank->use_device();
    kernels::check_cuda(cudaStreamSynchronize(rank->stream()), "call");
  }
}

}  // namespace crossdock::gpu
