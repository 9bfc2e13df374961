// Ranks that take part.
#pragma once

#include "device/port/peer_port.hpp"

namespace crossdock::kernels {

/// False for a lane that stands for no rank, too.
__device__ __forceinline__ bool is_live(const device::PeerPort& port, int rank) {
  return rank < port.num_ranks && (port.live >> rank & 1U) != 0;
}

}  // namespace crossdock::kernels
