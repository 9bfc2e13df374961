// Driver functions, found at run time: a program that links them would not start on a machine without a GPU.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <string>
#include <string_view>

namespace crossdock::transport {

struct CudaDriver {
  decltype(&cuMemGetAllocationGranularity) mem_granularity = nullptr;
  decltype(&cuMemCreate) mem_create = nullptr;
  decltype(&cuMemRelease) mem_release = nullptr;
  decltype(&cuMemAddressReserve) address_reserve = nullptr;
  decltype(&cuMemAddressFree) address_free = nullptr;
  decltype(&cuMemMap) mem_map = nullptr;
  decltype(&cuMemUnmap) mem_unmap = nullptr;
  decltype(&cuMemSetAccess) mem_set_access = nullptr;
  decltype(&cuMemExportToShareableHandle) mem_export = nullptr;
  decltype(&cuMemImportFromShareableHandle) mem_import = nullptr;
  decltype(&cuDeviceGetAttribute) device_attribute = nullptr;
  decltype(&cuGetErrorString) error_string = nullptr;

  /// Throws Error(kSystem) where there is no driver, or one that is too old.
  static const CudaDriver& get();

  /// Throws Error(kSystem): "<call>: <context>: <the driver's reason>".
  void check(CUresult result, std::string_view call, const std::string& context = {}) const;
};

/// The same for the runtime.
void check_runtime(cudaError_t status, std::string_view call, const std::string& context = {});

}  // namespace crossdock::transport
