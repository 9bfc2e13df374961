// Capture of emulated streams, and graphs.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "runtime_harness.hpp"
#include "simt/block.hpp"

namespace crossdock::emulator {
namespace {

using Graphs = Streams;

cudaGraphExec_t executable_of(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  EXPECT_CUDA(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t executable = nullptr;
  EXPECT_CUDA(cudaGraphInstantiate(&executable, graph, 0));
  EXPECT_CUDA(cudaGraphDestroy(graph));
  EXPECT_CUDA(cudaGraphUpload(executable, stream));
  return executable;
}

TEST_F(Graphs, ReplayReadsPinnedSourcesAnew) {
  const Buffer<int> device(1);
  const Pinned pinned(1);
  std::atomic<int> launches{0};
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal));
  ASSERT_CUDA(cudaMemcpyAsync(device.data(), pinned.data(), 4, cudaMemcpyHostToDevice, stream_));
  ASSERT_CUDA(launch_one(stream_, [&] { ++launches; }));
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  ASSERT_CUDA(cudaStreamIsCapturing(stream_, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  cudaGraphExec_t replay = executable_of(stream_);
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(launches, 0);
  for (int round = 1; round <= 3; ++round) {
    *pinned.data() = round;
    ASSERT_CUDA(cudaGraphLaunch(replay, stream_));
    ASSERT_CUDA(cudaStreamSynchronize(stream_));
    EXPECT_EQ(device.read().front(), round);
    EXPECT_EQ(launches, round);
  }
  EXPECT_CUDA(cudaGraphExecDestroy(replay));
}

TEST_F(Graphs, TakeInStreamsThatWaitForCapturedEvents) {
  std::vector<int> order;
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(launch_one(stream_, [&] { order.push_back(1); }));
  ASSERT_CUDA(cudaEventRecord(event_, stream_));
  ASSERT_CUDA(cudaStreamWaitEvent(other_, event_));
  ASSERT_CUDA(launch_one(other_, [&] { order.push_back(2); }));
  ASSERT_CUDA(cudaEventRecord(later_, other_));
  ASSERT_CUDA(cudaStreamWaitEvent(stream_, later_));
  ASSERT_CUDA(launch_one(stream_, [&] { order.push_back(3); }));
  cudaGraphExec_t replay = executable_of(stream_);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusActive;
  ASSERT_CUDA(cudaStreamIsCapturing(other_, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusNone);
  ASSERT_CUDA(cudaGraphLaunch(replay, other_));
  ASSERT_CUDA(cudaGraphLaunch(replay, stream_));
  ASSERT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(order, (std::vector{1, 2, 3, 1, 2, 3}));
  EXPECT_CUDA(cudaGraphExecDestroy(replay));
}

TEST_F(Graphs, HaveToJoinWhatTheyFork) {
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(cudaEventRecord(event_, stream_));
  ASSERT_CUDA(cudaStreamWaitEvent(other_, event_));
  ASSERT_CUDA(launch_one(other_, [] {}));
  ASSERT_CUDA(cudaEventRecord(later_, other_));
  ASSERT_CUDA(cudaStreamWaitEvent(stream_, later_));
  ASSERT_CUDA(launch_one(other_, [] {}));
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(graph, nullptr);
  EXPECT_CUDA(cudaStreamSynchronize(other_));
}

/// What ends a capture in failure: each with CUDA's answer to it.
TEST_F(Graphs, EndInFailureWhereACallCannotBeCaptured) {
  ASSERT_CUDA(cudaEventRecord(later_, other_));
  const Buffer<int> device(1);
  int host = 0;
  void* memory = nullptr;
  struct Case {
    const char* what;
    cudaError_t answer;
    std::function<cudaError_t()> call;
  };
  const std::vector<Case> cases{
      {"query", cudaErrorStreamCaptureUnsupported, [&] { return cudaStreamQuery(stream_); }},
      {"synchronize", cudaErrorStreamCaptureUnsupported, [&] { return cudaStreamSynchronize(stream_); }},
      {"device", cudaErrorStreamCaptureUnsupported, [] { return cudaDeviceSynchronize(); }},
      {"destroy", cudaErrorStreamCaptureUnsupported, [&] { return cudaStreamDestroy(stream_); }},
      {"event", cudaErrorCapturedEvent, [&] { return cudaEventSynchronize(event_); }},
      {"isolation", cudaErrorStreamCaptureIsolation, [&] { return cudaStreamWaitEvent(stream_, later_); }},
      {"malloc", cudaErrorStreamCaptureUnsupported, [&] { return cudaMalloc(&memory, 4); }},
      {"copy", cudaErrorStreamCaptureUnsupported,
       [&] { return cudaMemcpy(&host, device.data(), 4, cudaMemcpyDeviceToHost); }},
  };
  for (const Case& one : cases) {
    ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
    ASSERT_CUDA(cudaEventRecord(event_, stream_));
    EXPECT_EQ(one.call(), one.answer) << one.what;
    EXPECT_EQ(launch_one(stream_, [] {}), cudaErrorStreamCaptureInvalidated) << one.what;
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    ASSERT_CUDA(cudaStreamIsCapturing(stream_, &status));
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureInvalidated) << one.what;
    EXPECT_CUDA(cudaStreamSynchronize(stream_));
    EXPECT_CUDA(cudaEventRecord(event_, stream_));
  }
}

TEST_F(Graphs, RelaxedThreadsMayAllocateMeanwhile) {
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  ASSERT_CUDA(cudaThreadExchangeStreamCaptureMode(&mode));
  EXPECT_EQ(mode, cudaStreamCaptureModeGlobal);
  {
    const Buffer<int> buffer(1);
  }
  ASSERT_CUDA(cudaThreadExchangeStreamCaptureMode(&mode));
  std::thread([] { const Buffer<int> buffer(1); }).join();
  cudaGraph_t graph = nullptr;
  ASSERT_CUDA(cudaStreamEndCapture(stream_, &graph));
  EXPECT_CUDA(cudaGraphDestroy(graph));
}

TEST_F(Graphs, AreEndedOnTheirStreamByTheirThread) {
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorIllegalState);
  EXPECT_EQ(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeRelaxed), cudaErrorStreamCaptureUnsupported);
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  EXPECT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), cudaErrorIllegalState);
  std::thread([&] { EXPECT_EQ(cudaStreamEndCapture(stream_, &graph), cudaErrorStreamCaptureWrongThread); }).join();
  ASSERT_CUDA(cudaStreamEndCapture(stream_, &graph));
  EXPECT_CUDA(cudaGraphDestroy(graph));
}

TEST_F(Graphs, RecordExternalEventsAtEachLaunch) {
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(cudaEventRecordWithFlags(event_, stream_, cudaEventRecordExternal));
  ASSERT_CUDA(launch_one(stream_, [] { std::this_thread::sleep_for(milliseconds(5)); }));
  ASSERT_CUDA(cudaEventRecordWithFlags(later_, stream_, cudaEventRecordExternal));
  cudaGraphExec_t replay = executable_of(stream_);
  for (int round = 0; round < 2; ++round) {
    ASSERT_CUDA(cudaGraphLaunch(replay, stream_));
    ASSERT_CUDA(cudaEventSynchronize(later_));
    float elapsed = 0;
    ASSERT_CUDA(cudaEventElapsedTime(&elapsed, event_, later_));
    EXPECT_GE(elapsed, 5);
  }
  EXPECT_CUDA(cudaGraphExecDestroy(replay));
}

TEST_F(Graphs, KeepOverlapOfNeighboursOnly) {
  Gate second;
  bool overlapped = false;
  bool with_next = true;
  Gate after;
  ASSERT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(launch_one(stream_, [&] {
    Block::current()->let_next_kernel_start();
    overlapped = second.wait_at_most(milliseconds(20'000));
  }));
  ASSERT_CUDA(launch_overlapped(stream_, [&] {
    second.open();
    Block::current()->let_next_kernel_start();
    with_next = after.wait_at_most(milliseconds(20));
  }));
  cudaGraphExec_t replay = executable_of(stream_);
  ASSERT_CUDA(cudaGraphLaunch(replay, stream_));
  ASSERT_CUDA(launch_overlapped(stream_, [&] { after.open(); }));
  ASSERT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_TRUE(overlapped);
  EXPECT_FALSE(with_next);
  EXPECT_CUDA(cudaGraphExecDestroy(replay));
}

}  // namespace
}  // namespace crossdock::emulator
