#include "transport/p2p/device_memory.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/math.hpp"
#include "crossdock/error.hpp"
#include "transport/p2p/cuda_driver.hpp"

namespace crossdock::transport {
namespace {

CUmemAllocationProp properties(int device, HandleKind kind) {
  CUmemAllocationProp result{};
  result.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  result.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device};
  result.requestedHandleTypes =
      kind == HandleKind::kFabric ? CU_MEM_HANDLE_TYPE_FABRIC : CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  return result;
}

}  // namespace

DeviceAllocation DeviceAllocation::make(int device, std::size_t bytes, HandleKind kind) {
  const CudaDriver& driver = CudaDriver::get();
  const CUmemAllocationProp wanted = properties(device, kind);
  std::size_t granularity = 0;
  driver.check(driver.mem_granularity(&granularity, &wanted, CU_MEM_ALLOC_GRANULARITY_RECOMMENDED),
               "cuMemGetAllocationGranularity");
  const std::size_t rounded = base::round_up(bytes, granularity);
  CUmemGenericAllocationHandle handle = 0;
  driver.check(driver.mem_create(&handle, rounded, &wanted, 0), "cuMemCreate",
               fmt::format("{} bytes on device {}", rounded, device));
  return {handle, rounded};
}

DeviceAllocation DeviceAllocation::import(const FileDescriptor& file, std::size_t bytes) {
  const CudaDriver& driver = CudaDriver::get();
  CUmemGenericAllocationHandle handle = 0;
  // CUDA takes the descriptor's number as a pointer. NOLINTNEXTLINE(performance-no-int-to-ptr)
  void* number = reinterpret_cast<void*>(static_cast<std::intptr_t>(file.number()));
  driver.check(driver.mem_import(&handle, number, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR),
               "cuMemImportFromShareableHandle", "file descriptor");
  return {handle, bytes};
}

DeviceAllocation DeviceAllocation::import(const CUmemFabricHandle& fabric, std::size_t bytes) {
  const CudaDriver& driver = CudaDriver::get();
  CUmemGenericAllocationHandle handle = 0;
  CUmemFabricHandle copy = fabric;
  driver.check(driver.mem_import(&handle, &copy, CU_MEM_HANDLE_TYPE_FABRIC), "cuMemImportFromShareableHandle",
               "fabric handle");
  return {handle, bytes};
}

DeviceAllocation::DeviceAllocation(DeviceAllocation&& other) noexcept
    : handle_(std::exchange(other.handle_, 0)), bytes_(other.bytes_) {}

DeviceAllocation::~DeviceAllocation() {
  if (handle_ != 0 && !process_.is_inherited()) CudaDriver::get().mem_release(handle_);
}

FileDescriptor DeviceAllocation::export_file() const {
  const CudaDriver& driver = CudaDriver::get();
  int number = -1;
  driver.check(driver.mem_export(&number, handle_, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0),
               "cuMemExportToShareableHandle", "file descriptor");
  return FileDescriptor(number);
}

CUmemFabricHandle DeviceAllocation::export_fabric() const {
  const CudaDriver& driver = CudaDriver::get();
  CUmemFabricHandle fabric{};
  driver.check(driver.mem_export(&fabric, handle_, CU_MEM_HANDLE_TYPE_FABRIC, 0), "cuMemExportToShareableHandle",
               "fabric handle");
  return fabric;
}

bool fabric_works(int device) {
  const CudaDriver& driver = CudaDriver::get();
  int supported = 0;
  driver.check(driver.device_attribute(&supported, CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED, device),
               "cuDeviceGetAttribute");
  if (supported == 0) return false;
  try {
    const DeviceAllocation probe = DeviceAllocation::make(device, 1, HandleKind::kFabric);
    DeviceAllocation::import(probe.export_fabric(), probe.bytes());
    return true;
  } catch (const Error&) {
    return false;
  }
}

DeviceMapping::DeviceMapping(const DeviceAllocation& allocation, const std::vector<int>& devices)
    : bytes_(allocation.bytes()) {
  const CudaDriver& driver = CudaDriver::get();
  driver.check(driver.address_reserve(&address_, bytes_, 0, 0, 0), "cuMemAddressReserve",
               fmt::format("{} bytes", bytes_));
  const CUresult mapped = driver.mem_map(address_, bytes_, 0, allocation.handle(), 0);
  if (mapped != CUDA_SUCCESS) driver.address_free(address_, bytes_);
  driver.check(mapped, "cuMemMap", fmt::format("{} bytes", bytes_));

  std::vector<CUmemAccessDesc> access;
  for (const int device : devices) {
    access.push_back(
        {.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device}, .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE});
  }
  const CUresult allowed = driver.mem_set_access(address_, bytes_, access.data(), access.size());
  if (allowed != CUDA_SUCCESS) {
    driver.mem_unmap(address_, bytes_);
    driver.address_free(address_, bytes_);
  }
  driver.check(allowed, "cuMemSetAccess", fmt::format("{} bytes for {} devices", bytes_, devices.size()));
}

// CUDA must not be called in a forked child.
DeviceMapping::~DeviceMapping() {
  if (process_.is_inherited()) return;
  const CudaDriver& driver = CudaDriver::get();
  driver.mem_unmap(address_, bytes_);
  driver.address_free(address_, bytes_);
}

}  // namespace crossdock::transport
