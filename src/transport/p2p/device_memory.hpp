// Device memory by virtual memory management: made on one GPU, mapped for several, handed to other processes.
#pragma once

#include <cuda.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/process_mark.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// How memory is handed over. kFabric also reaches other hosts of one NVLink domain.
enum class HandleKind : std::uint8_t { kFileDescriptor, kFabric };

/// Physical memory; mappings keep it alive after its owner is gone.
class DeviceAllocation {
 public:
  /// On one GPU; bytes are rounded up to its granularity. Throws Error(kSystem).
  static DeviceAllocation make(int device, std::size_t bytes, HandleKind kind);
  static DeviceAllocation import(const FileDescriptor& file, std::size_t bytes);
  static DeviceAllocation import(const CUmemFabricHandle& fabric, std::size_t bytes);

  DeviceAllocation(DeviceAllocation&& other) noexcept;
  DeviceAllocation& operator=(DeviceAllocation&&) = delete;
  ~DeviceAllocation();

  std::size_t bytes() const { return bytes_; }
  CUmemGenericAllocationHandle handle() const { return handle_; }
  FileDescriptor export_file() const;
  CUmemFabricHandle export_fabric() const;

 private:
  DeviceAllocation(CUmemGenericAllocationHandle handle, std::size_t bytes) : handle_(handle), bytes_(bytes) {}

  base::ProcessMark process_;
  CUmemGenericAllocationHandle handle_ = 0;
  std::size_t bytes_ = 0;
};

/// True where this GPU makes, hands over and takes back fabric memory: asking its attributes is not enough, because the
/// domain's service may not run.
bool fabric_works(int device);

/// An address range of this process for all of an allocation, for kernels of the given GPUs.
class DeviceMapping {
 public:
  DeviceMapping(const DeviceAllocation& allocation, const std::vector<int>& devices);
  DeviceMapping(const DeviceMapping&) = delete;
  DeviceMapping& operator=(const DeviceMapping&) = delete;
  ~DeviceMapping();

  std::byte* data() const { return reinterpret_cast<std::byte*>(address_); }
  std::size_t bytes() const { return bytes_; }

 private:
  base::ProcessMark process_;
  CUdeviceptr address_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace crossdock::transport
