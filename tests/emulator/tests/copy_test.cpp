// Emulated memory and copies.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "runtime_harness.hpp"

namespace crossdock::emulator {
namespace {

using Copies = Streams;

TEST(Memory, IsKnownByItsAddress) {
  const Buffer<int> device(16);
  const Pinned pinned(0);
  int pageable = 0;
  const auto type_of = [](const void* pointer) {
    cudaPointerAttributes attributes{};
    EXPECT_CUDA(cudaPointerGetAttributes(&attributes, pointer));
    return attributes.type;
  };
  EXPECT_EQ(type_of(device.data() + 15), cudaMemoryTypeDevice);
  EXPECT_EQ(type_of(device.data() + 16), cudaMemoryTypeUnregistered);
  EXPECT_EQ(type_of(pinned.data()), cudaMemoryTypeHost);
  EXPECT_EQ(type_of(&pageable), cudaMemoryTypeUnregistered);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(device.data()) % 256, 0U);
  EXPECT_EQ(device.read(), std::vector<int>(16, static_cast<int>(0xCDCDCDCD)));
}

TEST(Memory, IsFreedOnceAndAsItWasMade) {
  int unknown = 0;
  EXPECT_EQ(cudaFree(&unknown), cudaErrorInvalidValue);
  void* memory = nullptr;
  ASSERT_CUDA(cudaMalloc(&memory, 8));
  EXPECT_EQ(cudaFreeHost(memory), cudaErrorInvalidValue);
  EXPECT_CUDA(cudaFree(memory));
  EXPECT_EQ(cudaFree(memory), cudaErrorInvalidValue);
  EXPECT_CUDA(cudaFree(nullptr));
  EXPECT_CUDA(cudaMalloc(&memory, 0));
  EXPECT_EQ(memory, nullptr);
}

TEST_F(Copies, TakePageableBytesAtTheCallAndPinnedOnesLater) {
  const Buffer<int> device(2);
  const Pinned pinned(1);
  int pageable = 1;
  Gate gate;
  ASSERT_CUDA(launch_one(stream_, [&] { gate.wait(); }));
  ASSERT_CUDA(cudaMemcpyAsync(device.data(), &pageable, sizeof(int), cudaMemcpyHostToDevice, stream_));
  ASSERT_CUDA(cudaMemcpyAsync(device.data() + 1, pinned.data(), sizeof(int), cudaMemcpyHostToDevice, stream_));
  pageable = 2;
  *pinned.data() = 2;
  gate.open();
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(device.read(), (std::vector{1, 2}));
}

TEST_F(Copies, ToPageableMemoryAreThereAtOnce) {
  const Buffer<int> device(4);
  ASSERT_CUDA(cudaMemsetAsync(device.data(), 7, 16, stream_));
  std::array<int, 4> values{};
  ASSERT_CUDA(cudaMemcpyAsync(values.data(), device.data(), 16, cudaMemcpyDeviceToHost, stream_));
  EXPECT_EQ(values[3], 0x07070707);
}

TEST_F(Copies, OfRowsKeepTheirPitches) {
  const std::vector<int> from{1, 2, 3, 4, 5, 6};
  const Buffer<int> device(6);
  const Buffer<int> dense(4);
  ASSERT_CUDA(cudaMemcpy(device.data(), from.data(), 24, cudaMemcpyHostToDevice));
  ASSERT_CUDA(cudaMemcpy2DAsync(dense.data(), 8, device.data(), 12, 8, 2, cudaMemcpyDeviceToDevice, stream_));
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(dense.read(), (std::vector{1, 2, 4, 5}));
  EXPECT_EQ(cudaMemcpy2DAsync(dense.data(), 4, device.data(), 12, 8, 2, cudaMemcpyDeviceToDevice, stream_),
            cudaErrorInvalidPitchValue);
}

TEST_F(Copies, GoFromDeviceToDevice) {
  const Buffer<int> here(1);
  ASSERT_CUDA(cudaSetDevice(1));
  const Buffer<int> there(1);
  const int value = 5;
  ASSERT_CUDA(cudaMemcpy(there.data(), &value, 4, cudaMemcpyHostToDevice));
  ASSERT_CUDA(cudaMemcpyPeerAsync(here.data(), 0, there.data(), 1, 4, stream_));
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(here.read().front(), 5);
  EXPECT_EQ(cudaMemcpyPeerAsync(here.data(), 0, there.data(), 2, 4, stream_), cudaErrorInvalidDevice);
  EXPECT_CUDA(cudaSetDevice(0));
}

TEST_F(Copies, RefuseMemoryThatIsNotWhatTheySay) {
  const Buffer<int> device(2);
  std::array<int, 3> host{};
  EXPECT_EQ(cudaMemcpy(host.data(), host.data(), 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(device.data(), host.data(), 12, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(device.data(), device.data(), 4, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemsetAsync(device.data() + 1, 0, 8, stream_), cudaErrorInvalidValue);
}

TEST_F(Copies, MemsetIsNotWaitedFor) {
  const Buffer<int> device(1);
  Gate gate;
  ASSERT_CUDA(launch_one(nullptr, [&] { gate.wait(); }));
  EXPECT_CUDA(cudaMemset(device.data(), 0, 4));
  gate.open();
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(device.read().front(), 0);
}

}  // namespace
}  // namespace crossdock::emulator
