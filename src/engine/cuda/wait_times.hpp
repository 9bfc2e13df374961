// How long the kernels of this rank have waited for each peer.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "device/port/peer_port.hpp"
#include "engine/cuda/context.hpp"

namespace crossdock::engine::cuda {

/// OwnWords::waited. Waits for the group's stream.
void read_waited(const CudaContext& context, std::uint64_t (&waited)[device::kMaxPeers]);

/// By rank, after all calls of this rank; 0 for the own one.
std::vector<std::chrono::nanoseconds> wait_times(const CudaContext& context);

}  // namespace crossdock::engine::cuda
