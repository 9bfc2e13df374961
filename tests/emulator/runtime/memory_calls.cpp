// cudaMalloc and what belongs to it.
#include <cstring>
#include <new>

#include "runtime/capture.hpp"
#include "runtime/device.hpp"
#include "runtime/error.hpp"
#include "runtime/memory.hpp"

namespace crossdock::emulator {
namespace {

/// As cudaMalloc's; also what kernels may rely on for vectors and bulk copies.
constexpr std::align_val_t kAlignment{256};
/// Fresh memory of a GPU is not zero.
constexpr int kPoison = 0xCD;

cudaError_t allocate(void** memory, std::size_t bytes, Origin origin) {
  if (memory == nullptr) return cudaErrorInvalidValue;
  *memory = nullptr;
  const cudaError_t refused = Captures::of_process().refuse_unsafe();
  if (refused != cudaSuccess || bytes == 0) return refused;
  // Not a byte more than wanted: address sanitizers watch over what comes after.
  *memory = ::operator new(bytes, kAlignment, std::nothrow);
  if (*memory == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*memory, kPoison, bytes);
  MemoryMap::of_process().enter({.begin = reinterpret_cast<std::uintptr_t>(*memory),
                                 .bytes = bytes,
                                 .origin = origin,
                                 .device = current_device().index()});
  return cudaSuccess;
}

/// Waits for the device, as CUDA does: who frees memory while a kernel waits for this thread hangs.
cudaError_t free(void* memory, Origin origin) {
  const cudaError_t refused = Captures::of_process().refuse_unsafe();
  if (refused != cudaSuccess || memory == nullptr) return refused;
  const auto range = MemoryMap::of_process().remove(reinterpret_cast<std::uintptr_t>(memory), origin);
  if (!range) return cudaErrorInvalidValue;
  find_device(range->device)->wait();
  ::operator delete(memory, kAlignment);
  return cudaSuccess;
}

cudaError_t get_attributes(cudaPointerAttributes* attributes, const void* pointer) {
  if (attributes == nullptr) return cudaErrorInvalidValue;
  constexpr int kNoDevice = -2;
  *attributes = {.type = cudaMemoryTypeUnregistered,
                 .device = kNoDevice,
                 .devicePointer = nullptr,
                 .hostPointer = const_cast<void*>(pointer)};
  const auto range = MemoryMap::of_process().find(pointer);
  if (!range) return cudaSuccess;
  attributes->type = range->is_pinned() ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
  attributes->device = range->device;
  attributes->devicePointer = const_cast<void*>(pointer);
  if (!range->is_pinned()) attributes->hostPointer = nullptr;
  return cudaSuccess;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaMalloc(void** memory, std::size_t bytes) { return answer(allocate(memory, bytes, Origin::kMalloc)); }

cudaError_t cudaFree(void* memory) { return answer(crossdock::emulator::free(memory, Origin::kMalloc)); }

cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned flags) {
  if (flags > cudaHostAllocPortable) return answer(cudaErrorInvalidValue);
  return answer(allocate(memory, bytes, Origin::kHostAlloc));
}

cudaError_t cudaFreeHost(void* memory) { return answer(crossdock::emulator::free(memory, Origin::kHostAlloc)); }

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return answer(get_attributes(attributes, pointer));
}
