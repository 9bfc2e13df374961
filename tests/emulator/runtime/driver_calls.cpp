// cuMem..., cuDeviceGetAttribute.
#include <sys/mman.h>

#include "cuda.h"
#include "runtime/device.hpp"
#include "runtime/handle_table.hpp"
#include "runtime/virtual_memory.hpp"

namespace crossdock::emulator {
namespace {

using Memories = HandleTable<CUmemGenericAllocationHandle, PhysicalMemory>;

/// Of memory's size and addresses, as on today's GPUs.
constexpr std::size_t kGranularity = std::size_t{2} << 20;

bool is_whole(std::size_t bytes) { return bytes > 0 && bytes % kGranularity == 0; }

CUresult check(const CUmemLocation& location) {
  if (location.type != CU_MEM_LOCATION_TYPE_DEVICE) return CUDA_ERROR_INVALID_VALUE;
  return find_device(location.id) == nullptr ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

CUresult check(const CUmemAllocationProp* properties) {
  if (properties == nullptr || properties->type != CU_MEM_ALLOCATION_TYPE_PINNED) return CUDA_ERROR_INVALID_VALUE;
  if (properties->requestedHandleTypes == CU_MEM_HANDLE_TYPE_FABRIC) return CUDA_ERROR_NOT_SUPPORTED;
  // Memory that cannot be handed over is made by nobody here.
  if (properties->requestedHandleTypes != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR) return CUDA_ERROR_INVALID_VALUE;
  return check(properties->location);
}

CUresult check(CUmemAllocationHandleType type) {
  if (type == CU_MEM_HANDLE_TYPE_FABRIC) return CUDA_ERROR_NOT_SUPPORTED;
  return type == CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult success_if(bool holds) { return holds ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE; }

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  if (value == nullptr || attribute != CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED)
    return CUDA_ERROR_INVALID_VALUE;
  if (find_device(device) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
  *value = 0;
  return CUDA_SUCCESS;
}

CUresult cuMemGetAllocationGranularity(std::size_t* granularity, const CUmemAllocationProp* properties,
                                       CUmemAllocationGranularity_flags) {
  const CUresult failed = check(properties);
  if (failed != CUDA_SUCCESS) return failed;
  if (granularity == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *granularity = kGranularity;
  return CUDA_SUCCESS;
}

CUresult cuMemCreate(CUmemGenericAllocationHandle* handle, std::size_t bytes, const CUmemAllocationProp* properties,
                     unsigned long long flags) {
  const CUresult failed = check(properties);
  if (failed != CUDA_SUCCESS) return failed;
  if (handle == nullptr || !is_whole(bytes) || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  auto memory = PhysicalMemory::make(bytes, properties->location.id);
  if (!memory) return CUDA_ERROR_OUT_OF_MEMORY;
  *handle = Memories::of_process().add(std::move(memory));
  return CUDA_SUCCESS;
}

CUresult cuMemRelease(CUmemGenericAllocationHandle handle) {
  return success_if(Memories::of_process().remove(handle) != nullptr);
}

CUresult cuMemExportToShareableHandle(void* shareable, CUmemGenericAllocationHandle handle,
                                      CUmemAllocationHandleType type, unsigned long long flags) {
  const CUresult failed = check(type);
  if (failed != CUDA_SUCCESS) return failed;
  const auto memory = Memories::of_process().find(handle);
  if (!memory || shareable == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  int& file = *static_cast<int*>(shareable);
  file = memory->duplicate_file();
  return file < 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

/// The file does not tell the device: the memory counts as the current one's.
CUresult cuMemImportFromShareableHandle(CUmemGenericAllocationHandle* handle, void* os_handle,
                                        CUmemAllocationHandleType type) {
  const CUresult failed = check(type);
  if (failed != CUDA_SUCCESS) return failed;
  if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const auto file = static_cast<int>(reinterpret_cast<std::intptr_t>(os_handle));
  auto memory = PhysicalMemory::open(file, current_device().index());
  if (!memory) return CUDA_ERROR_INVALID_VALUE;
  *handle = Memories::of_process().add(std::move(memory));
  return CUDA_SUCCESS;
}

CUresult cuMemAddressReserve(CUdeviceptr* address, std::size_t bytes, std::size_t alignment, CUdeviceptr,
                             unsigned long long flags) {
  const std::size_t aligned = alignment == 0 ? kGranularity : alignment;
  if (address == nullptr || !is_whole(bytes) || !is_whole(aligned) || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  *address = AddressSpace::of_process().reserve(bytes, aligned);
  return *address == 0 ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

CUresult cuMemAddressFree(CUdeviceptr address, std::size_t bytes) {
  return success_if(AddressSpace::of_process().free(address, bytes));
}

CUresult cuMemMap(CUdeviceptr address, std::size_t bytes, std::size_t offset, CUmemGenericAllocationHandle handle,
                  unsigned long long flags) {
  const auto memory = Memories::of_process().find(handle);
  const bool fits = memory && is_whole(bytes) && address % kGranularity == 0 && offset == 0 && flags == 0;
  return success_if(fits && AddressSpace::of_process().map(address, bytes, *memory));
}

CUresult cuMemUnmap(CUdeviceptr address, std::size_t bytes) {
  return success_if(AddressSpace::of_process().unmap(address, bytes));
}

/// There is one set of addresses for all devices: what one may do, all may.
CUresult cuMemSetAccess(CUdeviceptr address, std::size_t bytes, const CUmemAccessDesc* access, std::size_t count) {
  if (access == nullptr || count == 0) return CUDA_ERROR_INVALID_VALUE;
  int protection = PROT_NONE;
  for (std::size_t i = 0; i < count; ++i) {
    const CUresult failed = check(access[i].location);
    if (failed != CUDA_SUCCESS) return failed;
    if (access[i].flags == CU_MEM_ACCESS_FLAGS_PROT_READ) protection |= PROT_READ;
    if (access[i].flags == CU_MEM_ACCESS_FLAGS_PROT_READWRITE) protection |= PROT_READ | PROT_WRITE;
  }
  return success_if(AddressSpace::of_process().set_access(address, bytes, protection));
}
