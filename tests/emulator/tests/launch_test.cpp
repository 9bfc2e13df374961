// How kernels get onto emulated streams.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <atomic>

#include "runtime_harness.hpp"
#include "simt/block.hpp"

namespace crossdock::emulator {
namespace {

using Launches = Streams;

void big_kernel() {}

TEST_F(Launches, RunEachThreadOnce) {
  std::atomic<int> calls{0};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(3, 2);
  config.blockDim = dim3(64);
  config.stream = stream_;
  ASSERT_CUDA(launch(config, address_of(any_kernel), [&] { ++calls; }));
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(calls, 3 * 2 * 64);
}

TEST_F(Launches, AreRefusedWhereAGpuCannotRunThem) {
  const auto refusal = [&](dim3 grid, dim3 block, std::size_t smem_bytes, void (*kernel)()) {
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = smem_bytes;
    config.stream = stream_;
    return launch(config, address_of(kernel), [] {});
  };
  EXPECT_EQ(refusal({0}, {32}, 0, any_kernel), cudaErrorInvalidConfiguration);
  EXPECT_EQ(refusal({1}, {0}, 0, any_kernel), cudaErrorInvalidConfiguration);
  EXPECT_EQ(refusal({1}, {1025}, 0, any_kernel), cudaErrorInvalidConfiguration);
  EXPECT_EQ(refusal({1}, {64, 32}, 0, any_kernel), cudaErrorInvalidConfiguration);
  EXPECT_EQ(refusal({1}, {32}, 48 * 1024 + 1, any_kernel), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(big_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
            cudaErrorInvalidValue);
  EXPECT_CUDA(cudaFuncSetAttribute(big_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  EXPECT_EQ(refusal({1}, {32}, 227 * 1024, any_kernel), cudaErrorInvalidValue);
  EXPECT_CUDA(refusal({1}, {32}, 227 * 1024, big_kernel));
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
}

TEST_F(Launches, GoToStreamsOfTheCurrentDevice) {
  ASSERT_CUDA(cudaSetDevice(1));
  EXPECT_EQ(launch_one(stream_, [] {}), cudaErrorInvalidResourceHandle);
  EXPECT_CUDA(cudaSetDevice(0));
}

TEST_F(Launches, MayOverlapTheKernelBefore) {
  Gate second;
  bool overlapped = false;
  ASSERT_CUDA(launch_one(stream_, [&] {
    Block::current()->let_next_kernel_start();
    overlapped = second.wait_at_most(milliseconds(20'000));
  }));
  ASSERT_CUDA(launch_overlapped(stream_, [&] { second.open(); }));
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_TRUE(overlapped);
}

TEST_F(Launches, OverlapOnlyWhereTheyAskAndKernelsAreNeighbours) {
  for (const bool asks : {false, true}) {
    Gate second;
    bool overlapped = true;
    ASSERT_CUDA(launch_one(stream_, [&] {
      Block::current()->let_next_kernel_start();
      overlapped = second.wait_at_most(milliseconds(20));
    }));
    if (asks) {
      ASSERT_CUDA(cudaEventRecord(event_, stream_));
    }
    const auto open = [&] { second.open(); };
    ASSERT_CUDA(asks ? launch_overlapped(stream_, open) : launch_one(stream_, open));
    ASSERT_CUDA(cudaStreamSynchronize(stream_));
    EXPECT_FALSE(overlapped) << asks;
  }
}

TEST_F(Launches, OccupancyCountsThreadsAndSharedMemory) {
  int blocks = 0;
  ASSERT_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, any_kernel, 512, 0));
  EXPECT_EQ(blocks, 4);
  ASSERT_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, any_kernel, 32, 40 * 1024));
  EXPECT_EQ(blocks, 5);
}

}  // namespace
}  // namespace crossdock::emulator
