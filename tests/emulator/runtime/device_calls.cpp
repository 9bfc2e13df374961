// cudaDevice..., cudaGetDevice..., cudaSetDevice.
#include <cstdio>
#include <cstring>

#include "runtime/capture.hpp"
#include "runtime/device.hpp"
#include "runtime/error.hpp"

namespace crossdock::emulator {
namespace {

/// What a device says it has; nothing keeps count.
constexpr std::size_t kMemoryBytes = std::size_t{16} << 30;
/// clock64() of the emulator counts nanoseconds.
constexpr int kClockKilohertz = 1'000'000;
constexpr int kGreatestPriority = -5;

/// The same in all processes.
cudaUUID_t uuid_of(int index) {
  cudaUUID_t uuid{};
  std::snprintf(uuid.bytes, sizeof uuid.bytes, "emulated %d", index);
  return uuid;
}

cudaError_t get_count(int* count) {
  if (count == nullptr) return cudaErrorInvalidValue;
  if (is_forked()) return cudaErrorInitializationError;
  *count = count_devices();
  return cudaSuccess;
}

cudaError_t get_device(int* device) {
  if (device == nullptr) return cudaErrorInvalidValue;
  if (is_forked()) return cudaErrorInitializationError;
  *device = current_device().index();
  return cudaSuccess;
}

cudaError_t set_device(int device) {
  if (is_forked()) return cudaErrorInitializationError;
  const Device* found = find_device(device);
  if (found == nullptr) return cudaErrorInvalidDevice;
  set_current_device(*found);
  return cudaSuccess;
}

cudaError_t synchronize() {
  Device& device = current_device();
  for (const auto& stream : device.streams()) {
    const cudaError_t refused = Captures::of_process().refuse(*stream);
    if (refused != cudaSuccess) return refused;
  }
  device.wait();
  return cudaSuccess;
}

cudaError_t get_attribute(int* value, cudaDeviceAttr attribute, int device) {
  Device* found = find_device(device);
  if (found == nullptr) return cudaErrorInvalidDevice;
  if (value == nullptr) return cudaErrorInvalidValue;
  switch (attribute) {
    case cudaDevAttrClockRate:
      *value = kClockKilohertz;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = found->sms().count();
      return cudaSuccess;
  }
  return cudaErrorInvalidValue;
}

cudaError_t get_properties(cudaDeviceProp* properties, int device) {
  Device* found = find_device(device);
  if (found == nullptr) return cudaErrorInvalidDevice;
  if (properties == nullptr) return cudaErrorInvalidValue;
  *properties = {};
  properties->uuid = uuid_of(device);
  properties->totalGlobalMem = kMemoryBytes;
  properties->major = 9;
  properties->multiProcessorCount = found->sms().count();
  std::strcpy(properties->name, "Emulated GPU");
  return cudaSuccess;
}

cudaError_t can_access_peer(int* can_access, int device, int peer) {
  if (find_device(device) == nullptr || find_device(peer) == nullptr) return cudaErrorInvalidDevice;
  if (can_access == nullptr) return cudaErrorInvalidValue;
  *can_access = device != peer ? 1 : 0;
  return cudaSuccess;
}

cudaError_t enable_peer_access(int peer, unsigned flags) {
  Device& device = current_device();
  if (find_device(peer) == nullptr || peer == device.index()) return cudaErrorInvalidDevice;
  if (flags != 0) return cudaErrorInvalidValue;
  return device.enable_peer(peer) ? cudaSuccess : cudaErrorPeerAccessAlreadyEnabled;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaGetDeviceCount(int* count) { return answer(get_count(count)); }

cudaError_t cudaGetDevice(int* device) { return answer(get_device(device)); }

cudaError_t cudaSetDevice(int device) { return answer(set_device(device)); }

cudaError_t cudaDeviceSynchronize() { return answer(synchronize()); }

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return answer(get_attribute(value, attribute, device));
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return answer(get_properties(properties, device));
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = kGreatestPriority;
  return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can_access, int device, int peer) {
  return answer(can_access_peer(can_access, device, peer));
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) { return answer(enable_peer_access(peer, flags)); }
