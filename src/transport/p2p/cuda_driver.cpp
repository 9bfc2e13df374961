#include "transport/p2p/cuda_driver.hpp"

#include <fmt/format.h>

#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

[[noreturn]] void throw_cuda(std::string_view call, const std::string& context, std::string_view reason) {
  throw Error(ErrorCode::kSystem, fmt::format("{}: {}{}{}", call, context, context.empty() ? "" : ": ", reason));
}

template <typename Function>
void find(Function& function, const char* name) {
  // Functions as of the oldest driver that runs this runtime's VMM calls, whatever newer forms there are.
  constexpr unsigned kVersion = 12000;
  void* address = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  check_runtime(cudaGetDriverEntryPointByVersion(name, &address, kVersion, cudaEnableDefault, &found), name);
  if (found != cudaDriverEntryPointSuccess) throw_cuda(name, "", "the driver has no such function");
  function = reinterpret_cast<Function>(address);
}

CudaDriver load() {
  CudaDriver driver;
  find(driver.mem_granularity, "cuMemGetAllocationGranularity");
  find(driver.mem_create, "cuMemCreate");
  find(driver.mem_release, "cuMemRelease");
  find(driver.address_reserve, "cuMemAddressReserve");
  find(driver.address_free, "cuMemAddressFree");
  find(driver.mem_map, "cuMemMap");
  find(driver.mem_unmap, "cuMemUnmap");
  find(driver.mem_set_access, "cuMemSetAccess");
  find(driver.mem_export, "cuMemExportToShareableHandle");
  find(driver.mem_import, "cuMemImportFromShareableHandle");
  find(driver.device_attribute, "cuDeviceGetAttribute");
  find(driver.error_string, "cuGetErrorString");
  return driver;
}

}  // namespace

const CudaDriver& CudaDriver::get() {
  static const CudaDriver driver = load();
  return driver;
}

void CudaDriver::check(CUresult result, std::string_view call, const std::string& context) const {
  if (result == CUDA_SUCCESS) return;
  const char* reason = nullptr;
  error_string(result, &reason);
  throw_cuda(call, context, reason == nullptr ? "unknown reason" : reason);
}

void check_runtime(cudaError_t status, std::string_view call, const std::string& context) {
  if (status != cudaSuccess) throw_cuda(call, context, cudaGetErrorString(status));
}

}  // namespace crossdock::transport
