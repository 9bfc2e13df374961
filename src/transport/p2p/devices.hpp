// The GPUs of a group, and who reaches whom.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace crossdock::transport {

/// A GPU, the same in every process that sees it, whatever its number there.
using DeviceId = std::array<char, 16>;

DeviceId id_of(int device);

/// Memory of one GPU that this process made or mapped, zeroed.
void clear_memory(std::byte* memory, std::size_t bytes, int device);

/// This process's numbers of the GPUs, without repetitions; those that it does not see are left out.
std::vector<int> visible_devices(const std::vector<DeviceId>& ids);

/// Throws Error(kInvalidArgument) that names the first pair of ranks whose GPUs this process sees and which cannot
/// reach each other.
void check_peer_access(int rank, int device, const std::vector<DeviceId>& ids);

}  // namespace crossdock::transport
