#include "engine/cuda/wait_times.hpp"

namespace crossdock::engine::cuda {

void read_waited(const CudaContext& context, std::uint64_t (&waited)[device::kMaxPeers]) {
  context.wait_for_stream("wait_times");  // a copy to memory that is not pinned waits for the stream, with no deadline
  auto* const stream = context.device->stream();
  check(cudaMemcpyAsync(waited, context.own_words()->waited, sizeof waited, cudaMemcpyDeviceToHost, stream),
        "cudaMemcpyAsync");
  context.wait_for_stream("wait_times");
}

std::vector<std::chrono::nanoseconds> wait_times(const CudaContext& context) {
  const UseDevice use(context.device->device());
  context.wait("wait_times");
  std::uint64_t waited[device::kMaxPeers] = {};
  read_waited(context, waited);
  std::vector<std::chrono::nanoseconds> times(static_cast<std::size_t>(context.num_ranks()));
  for (std::size_t peer = 0; peer < times.size(); ++peer) {
    if (static_cast<int>(peer) != context.rank()) times[peer] = std::chrono::nanoseconds(waited[peer]);
  }
  return times;
}

}  // namespace crossdock::engine::cuda
