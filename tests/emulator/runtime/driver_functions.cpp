// cudaGetDriverEntryPointByVersion: the driver's functions by their names.
#include <array>
#include <string_view>
#include <utility>

#include "cuda.h"
#include "cuda_runtime_api.h"
#include "runtime/error.hpp"

namespace crossdock::emulator {
namespace {

using Named = std::pair<std::string_view, void*>;

template <typename Function>
Named named(std::string_view name, Function* function) {
  return {name, reinterpret_cast<void*>(function)};
}

void* find_function(std::string_view name) {
  static const std::array functions{
      named("cuGetErrorString", &cuGetErrorString),
      named("cuDeviceGetAttribute", &cuDeviceGetAttribute),
      named("cuMemGetAllocationGranularity", &cuMemGetAllocationGranularity),
      named("cuMemCreate", &cuMemCreate),
      named("cuMemRelease", &cuMemRelease),
      named("cuMemExportToShareableHandle", &cuMemExportToShareableHandle),
      named("cuMemImportFromShareableHandle", &cuMemImportFromShareableHandle),
      named("cuMemAddressReserve", &cuMemAddressReserve),
      named("cuMemAddressFree", &cuMemAddressFree),
      named("cuMemMap", &cuMemMap),
      named("cuMemUnmap", &cuMemUnmap),
      named("cuMemSetAccess", &cuMemSetAccess),
  };
  for (const auto& [known, function] : functions) {
    if (known == name) return function;
  }
  return nullptr;
}

}  // namespace
}  // namespace crossdock::emulator

/// CUDA answers success for a function that it does not have, too: `result` tells.
cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned, unsigned long long flags,
                                             cudaDriverEntryPointQueryResult* result) {
  using namespace crossdock::emulator;
  if (name == nullptr || function == nullptr || flags != cudaEnableDefault) return answer(cudaErrorInvalidValue);
  *function = find_function(name);
  if (result != nullptr) {
    *result = *function == nullptr ? cudaDriverEntryPointSymbolNotFound : cudaDriverEntryPointSuccess;
  }
  return cudaSuccess;
}
