#include "transport/p2p/devices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "crossdock/error.hpp"
#include "transport/p2p/cuda_driver.hpp"

namespace crossdock::transport {
namespace {

std::optional<int> number_of(const DeviceId& id) {
  int count = 0;
  check_runtime(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  for (int device = 0; device < count; ++device) {
    if (id_of(device) == id) return device;
  }
  return std::nullopt;
}

}  // namespace

DeviceId id_of(int device) {
  cudaDeviceProp properties{};
  check_runtime(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties",
                fmt::format("device {}", device));
  DeviceId id{};
  std::memcpy(id.data(), properties.uuid.bytes, id.size());
  return id;
}

void clear_memory(std::byte* memory, std::size_t bytes, int device) {
  check_runtime(cudaSetDevice(device), "cudaSetDevice", fmt::format("device {}", device));
  check_runtime(cudaMemset(memory, 0, bytes), "cudaMemset");
  check_runtime(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

std::vector<int> visible_devices(const std::vector<DeviceId>& ids) {
  std::vector<int> devices;
  for (const DeviceId& id : ids) {
    const std::optional<int> device = number_of(id);
    if (device && std::ranges::find(devices, *device) == devices.end()) devices.push_back(*device);
  }
  return devices;
}

void check_peer_access(int rank, int device, const std::vector<DeviceId>& ids) {
  for (std::size_t peer = 0; peer < ids.size(); ++peer) {
    const std::optional<int> theirs = number_of(ids[peer]);
    if (!theirs || *theirs == device) continue;
    int reachable = 0;
    check_runtime(cudaDeviceCanAccessPeer(&reachable, device, *theirs), "cudaDeviceCanAccessPeer");
    if (reachable != 0) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("connect: device {} of rank {} and device {} of rank {}: expected peer access, got none",
                            device, rank, *theirs, peer),
                {.operation = "connect", .phase = "devices", .rank = rank, .peer = static_cast<int>(peer)});
  }
}

}  // namespace crossdock::transport
