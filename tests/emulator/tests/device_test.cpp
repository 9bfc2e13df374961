// Emulated devices, and the end of a process that uses them.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "runtime_harness.hpp"

namespace crossdock::emulator {
namespace {

using Devices = Streams;

TEST_F(Devices, AreTwoThatReachEachOther) {
  int count = 0;
  ASSERT_CUDA(cudaGetDeviceCount(&count));
  ASSERT_EQ(count, 2);
  std::array<cudaDeviceProp, 2> properties{};
  for (int device = 0; device < 2; ++device) {
    ASSERT_CUDA(cudaGetDeviceProperties(&properties[static_cast<std::size_t>(device)], device));
    int reaches = 0;
    EXPECT_CUDA(cudaDeviceCanAccessPeer(&reaches, device, 1 - device));
    EXPECT_EQ(reaches, 1);
  }
  int sms = 0;
  EXPECT_CUDA(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
  EXPECT_EQ(properties[0].multiProcessorCount, sms);
  EXPECT_NE(std::memcmp(properties[0].uuid.bytes, properties[1].uuid.bytes, 16), 0);
}

TEST_F(Devices, EachThreadHasItsOwn) {
  ASSERT_CUDA(cudaSetDevice(1));
  int of_other = -1;
  std::thread([&] { cudaGetDevice(&of_other); }).join();
  EXPECT_EQ(of_other, 0);
  int own = -1;
  EXPECT_CUDA(cudaGetDevice(&own));
  EXPECT_EQ(own, 1);
  EXPECT_CUDA(cudaSetDevice(0));
}

TEST_F(Devices, RefuseWhatDoesNotExist) {
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaSetDevice(-1), cudaErrorInvalidDevice);
  EXPECT_STREQ(cudaGetErrorString(cudaErrorInvalidDevice), "invalid device ordinal");
}

TEST_F(Devices, PeerAccessIsEnabledOnce) {
  const cudaError_t first = cudaDeviceEnablePeerAccess(1, 0);
  EXPECT_TRUE(first == cudaSuccess || first == cudaErrorPeerAccessAlreadyEnabled);
  EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessAlreadyEnabled);
  EXPECT_EQ(cudaDeviceEnablePeerAccess(0, 0), cudaErrorInvalidDevice);
}

TEST_F(Devices, AreNotForTheChildOfAProcessThatUsedThem) {
  const pid_t child = ::fork();
  if (child == 0) {
    int count = 0;
    ::_exit(cudaGetDeviceCount(&count) == cudaErrorInitializationError ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

/// The end of a process waits for nothing.
TEST(Process, MayEndWithWorkQueued) {
  // A child that uses CUDA is a new process, not the copy of one that did.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static Gate never;
        cudaStream_t stream = nullptr;
        cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
        for (int i = 0; i < 10; ++i) launch_one(stream, [] { never.wait(); });
        std::this_thread::sleep_for(milliseconds(20));
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace crossdock::emulator
