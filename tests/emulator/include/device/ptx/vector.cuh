// src/device/ptx/vector.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

namespace crossdock::device {

inline uint4 load_once(const uint4* address) { return *address; }

inline uint4 load_peer(const uint4* address) { return *address; }

inline uint4 load_once_if(const uint4* address, bool wanted) { return wanted ? *address : uint4{}; }

inline uint4 load_peer_if(const uint4* address, bool wanted) { return wanted ? *address : uint4{}; }

inline void store_once(uint4* address, uint4 value) { *address = value; }

}  // namespace crossdock::device
