// Emulated functions of the driver.
#include <cuda.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>

#include "runtime_harness.hpp"

namespace crossdock::emulator {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

template <typename Function>
Function* driver(const char* name, Function* /*declared*/) {
  void* address = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  EXPECT_CUDA(cudaGetDriverEntryPointByVersion(name, &address, 12000, cudaEnableDefault, &found));
  EXPECT_EQ(found, cudaDriverEntryPointSuccess);
  return reinterpret_cast<Function*>(address);
}

CUmemAllocationProp properties_of(CUmemAllocationHandleType type) {
  CUmemAllocationProp properties{};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 1};
  properties.requestedHandleTypes = type;
  return properties;
}

/// Mapped for device 0, as long as it lives.
class Mapping {
 public:
  Mapping(CUmemGenericAllocationHandle memory, std::size_t bytes) : bytes_(bytes) {
    EXPECT_EQ(cuMemAddressReserve(&address_, bytes, 0, 0, 0), CUDA_SUCCESS);
    EXPECT_EQ(cuMemMap(address_, bytes, 0, memory, 0), CUDA_SUCCESS);
    const CUmemAccessDesc access{.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0},
                                 .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
    EXPECT_EQ(cuMemSetAccess(address_, bytes, &access, 1), CUDA_SUCCESS);
  }
  ~Mapping() {
    EXPECT_EQ(cuMemAddressFree(address_, bytes_), CUDA_ERROR_INVALID_VALUE) << "is still mapped";
    EXPECT_EQ(cuMemUnmap(address_, bytes_), CUDA_SUCCESS);
    EXPECT_EQ(cuMemAddressFree(address_, bytes_), CUDA_SUCCESS);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::uint8_t* data() const { return reinterpret_cast<std::uint8_t*>(address_); }

 private:
  CUdeviceptr address_ = 0;
  std::size_t bytes_;
};

TEST(Driver, FindsItsFunctionsByName) {
  auto* text_of = driver("cuGetErrorString", &cuGetErrorString);
  const char* text = nullptr;
  EXPECT_EQ(text_of(CUDA_ERROR_NOT_SUPPORTED, &text), CUDA_SUCCESS);
  EXPECT_STREQ(text, "operation not supported");
  void* address = &address;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSuccess;
  EXPECT_CUDA(cudaGetDriverEntryPointByVersion("cuNothing", &address, 12000, cudaEnableDefault, &found));
  EXPECT_EQ(found, cudaDriverEntryPointSymbolNotFound);
  EXPECT_EQ(address, nullptr);
}

TEST(Driver, ExportedMemoryIsTheSameBytesElsewhere) {
  const CUmemAllocationProp properties = properties_of(CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR);
  std::size_t granularity = 0;
  ASSERT_EQ(cuMemGetAllocationGranularity(&granularity, &properties, CU_MEM_ALLOC_GRANULARITY_RECOMMENDED),
            CUDA_SUCCESS);
  ASSERT_EQ(granularity, 2 * kMiB);
  CUmemGenericAllocationHandle memory = 0;
  EXPECT_EQ(cuMemCreate(&memory, 5, &properties, 0), CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(cuMemCreate(&memory, 4 * kMiB, &properties, 0), CUDA_SUCCESS);
  int file = -1;
  ASSERT_EQ(cuMemExportToShareableHandle(&file, memory, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0), CUDA_SUCCESS);
  const int dup = ::dup(file);
  ::close(file);
  CUmemGenericAllocationHandle imported = 0;
  void* os_handle = reinterpret_cast<void*>(static_cast<std::intptr_t>(dup));
  ASSERT_EQ(cuMemImportFromShareableHandle(&imported, os_handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR),
            CUDA_SUCCESS);
  EXPECT_EQ(::close(dup), 0) << "the file is still the caller's";
  {
    const Mapping own(memory, 4 * kMiB);
    const Mapping theirs(imported, 4 * kMiB);
    // Mappings outlive the handles.
    EXPECT_EQ(cuMemRelease(memory), CUDA_SUCCESS);
    EXPECT_EQ(cuMemRelease(imported), CUDA_SUCCESS);
    EXPECT_EQ(cuMemRelease(imported), CUDA_ERROR_INVALID_VALUE);
    EXPECT_NE(own.data(), theirs.data());
    EXPECT_CUDA(cudaMemset(own.data(), 0x5A, 4 * kMiB));
    EXPECT_CUDA(cudaDeviceSynchronize());
    EXPECT_EQ(theirs.data()[0], 0x5A);
    EXPECT_EQ(theirs.data()[4 * kMiB - 1], 0x5A);
    cudaPointerAttributes attributes{};
    EXPECT_CUDA(cudaPointerGetAttributes(&attributes, own.data() + 3));
    EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
    EXPECT_EQ(attributes.device, 1);
    EXPECT_EQ(cudaFree(own.data()), cudaErrorInvalidValue);
  }
}

TEST(Driver, HasNoFabric) {
  int supported = 1;
  EXPECT_EQ(cuDeviceGetAttribute(&supported, CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED, 0), CUDA_SUCCESS);
  EXPECT_EQ(supported, 0);
  const CUmemAllocationProp properties = properties_of(CU_MEM_HANDLE_TYPE_FABRIC);
  CUmemGenericAllocationHandle memory = 0;
  EXPECT_EQ(cuMemCreate(&memory, 2 * kMiB, &properties, 0), CUDA_ERROR_NOT_SUPPORTED);
}

TEST(Driver, MapsOnlyWhereItReserved) {
  const CUmemAllocationProp properties = properties_of(CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR);
  CUmemGenericAllocationHandle memory = 0;
  ASSERT_EQ(cuMemCreate(&memory, 2 * kMiB, &properties, 0), CUDA_SUCCESS);
  CUdeviceptr address = 0;
  ASSERT_EQ(cuMemAddressReserve(&address, 2 * kMiB, 0, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuMemMap(address + 2 * kMiB, 2 * kMiB, 0, memory, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemMap(address, 4 * kMiB, 0, memory, 0), CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(cuMemMap(address, 2 * kMiB, 0, memory, 0), CUDA_SUCCESS);
  EXPECT_EQ(cuMemMap(address, 2 * kMiB, 0, memory, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cuMemUnmap(address, 2 * kMiB), CUDA_SUCCESS);
  EXPECT_EQ(cuMemAddressFree(address, 2 * kMiB), CUDA_SUCCESS);
  EXPECT_EQ(cuMemRelease(memory), CUDA_SUCCESS);
}

}  // namespace
}  // namespace crossdock::emulator
