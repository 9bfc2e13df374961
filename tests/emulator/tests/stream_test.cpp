// Emulated streams and events.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "runtime_harness.hpp"

namespace crossdock::emulator {
namespace {

using Events = Streams;

TEST_F(Streams, RunTheirOperationsInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) ASSERT_CUDA(launch_one(stream_, [&order, i] { order.push_back(i); }));
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

TEST_F(Streams, DoNotWaitForEachOther) {
  Gate gate;
  Gate passed;
  ASSERT_CUDA(launch_one(stream_, [&] { gate.wait(); }));
  ASSERT_CUDA(launch_one(other_, [&] { passed.open(); }));
  EXPECT_CUDA(cudaStreamSynchronize(other_));
  EXPECT_EQ(cudaStreamQuery(stream_), cudaErrorNotReady);
  gate.open();
  while (cudaStreamQuery(stream_) == cudaErrorNotReady) std::this_thread::yield();
  EXPECT_CUDA(cudaStreamQuery(stream_));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Streams, WaitForEventsOfOthers) {
  Gate gate;
  std::atomic<int> value{0};
  ASSERT_CUDA(launch_one(stream_, [&] {
    gate.wait();
    value = 1;
  }));
  ASSERT_CUDA(cudaEventRecord(event_, stream_));
  ASSERT_CUDA(cudaStreamWaitEvent(other_, event_));
  int seen = 0;
  ASSERT_CUDA(launch_one(other_, [&] { seen = value; }));
  std::this_thread::sleep_for(milliseconds(20));
  gate.open();
  ASSERT_CUDA(cudaStreamSynchronize(other_));
  EXPECT_EQ(seen, 1);
}

TEST_F(Streams, FinishTheirWorkWhenDestroyed) {
  cudaStream_t stream = nullptr;
  ASSERT_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, -5));
  Gate gate;
  std::atomic<bool> done{false};
  ASSERT_CUDA(launch_one(stream, [&] {
    gate.wait();
    done = true;
  }));
  ASSERT_CUDA(cudaStreamDestroy(stream));
  EXPECT_FALSE(done);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  gate.open();
  ASSERT_CUDA(cudaDeviceSynchronize());
  EXPECT_TRUE(done);
}

TEST_F(Streams, ThatFollowTheDefaultStreamAreRefused) {
  cudaStream_t stream = nullptr;
  EXPECT_EQ(cudaStreamCreateWithFlags(&stream, 0), cudaErrorNotSupported);
}

TEST_F(Streams, DeviceSynchronizeWaitsForAllOfOneDevice) {
  ASSERT_CUDA(cudaSetDevice(1));
  cudaStream_t far = nullptr;
  ASSERT_CUDA(cudaStreamCreateWithFlags(&far, cudaStreamNonBlocking));
  Gate gate;
  ASSERT_CUDA(launch_one(far, [&] { gate.wait(); }));
  ASSERT_CUDA(cudaSetDevice(0));
  std::atomic<int> done{0};
  for (cudaStream_t stream : {stream_, other_}) {
    ASSERT_CUDA(launch_one(stream, [&] {
      std::this_thread::sleep_for(milliseconds(5));
      ++done;
    }));
  }
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(done, 2);
  gate.open();
  EXPECT_CUDA(cudaStreamSynchronize(far));
  EXPECT_CUDA(cudaStreamDestroy(far));
}

TEST_F(Events, NeverRecordedAreComplete) {
  EXPECT_CUDA(cudaEventSynchronize(event_));
  EXPECT_CUDA(cudaStreamWaitEvent(stream_, event_));
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  float elapsed = 0;
  EXPECT_EQ(cudaEventElapsedTime(&elapsed, event_, event_), cudaErrorInvalidResourceHandle);
}

TEST_F(Events, TellTheTimeBetween) {
  Gate gate;
  ASSERT_CUDA(cudaEventRecord(event_, stream_));
  ASSERT_CUDA(launch_one(stream_, [&] {
    gate.wait();
    std::this_thread::sleep_for(milliseconds(20));
  }));
  ASSERT_CUDA(cudaEventRecord(later_, stream_));
  float elapsed = 0;
  EXPECT_EQ(cudaEventElapsedTime(&elapsed, event_, later_), cudaErrorNotReady);
  gate.open();
  ASSERT_CUDA(cudaEventSynchronize(later_));
  ASSERT_CUDA(cudaEventElapsedTime(&elapsed, event_, later_));
  EXPECT_GE(elapsed, 20);
}

TEST_F(Events, WithoutTimingTellNone) {
  cudaEvent_t untimed = nullptr;
  ASSERT_CUDA(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming));
  ASSERT_CUDA(cudaEventRecord(untimed, stream_));
  ASSERT_CUDA(cudaEventSynchronize(untimed));
  float elapsed = 0;
  EXPECT_EQ(cudaEventElapsedTime(&elapsed, untimed, untimed), cudaErrorInvalidResourceHandle);
  EXPECT_CUDA(cudaEventDestroy(untimed));
}

TEST_F(Events, AWaitMeansTheRecordBeforeIt) {
  Gate gate;
  ASSERT_CUDA(cudaEventRecord(event_, stream_));
  ASSERT_CUDA(cudaStreamWaitEvent(other_, event_));
  ASSERT_CUDA(launch_one(stream_, [&] { gate.wait(); }));
  ASSERT_CUDA(cudaEventRecord(event_, stream_));
  EXPECT_CUDA(cudaStreamSynchronize(other_));
  gate.open();
  EXPECT_CUDA(cudaEventSynchronize(event_));
}

TEST_F(Events, StayOnTheirDevice) {
  ASSERT_CUDA(cudaSetDevice(1));
  cudaEvent_t far = nullptr;
  ASSERT_CUDA(cudaEventCreate(&far));
  EXPECT_EQ(cudaEventRecord(far, stream_), cudaErrorInvalidResourceHandle);
  EXPECT_CUDA(cudaEventRecord(far, nullptr));
  EXPECT_CUDA(cudaStreamWaitEvent(stream_, far));
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(cudaEventRecordWithFlags(event_, stream_, cudaEventRecordExternal), cudaErrorInvalidValue);
  EXPECT_CUDA(cudaEventDestroy(far));
  EXPECT_CUDA(cudaSetDevice(0));
}

}  // namespace
}  // namespace crossdock::emulator
