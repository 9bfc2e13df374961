// What the program `crossdock` runs on GPUs beside the library.
#include <gtest/gtest.h>

#include <array>

#include "gpu/hash.hpp"
#include "gpu/timer.hpp"
#include "runtime_harness.hpp"

namespace crossdock::emulator {
namespace {

using ToolKernels = Streams;

/// Another rank on the same GPU waits in its kernel for what this rank puts on its stream: to load a kernel would wait
/// for that one.
TEST_F(ToolKernels, AreLoadedBeforeAnotherRankWaits) {
  tools::gpu::Device device(0, std::size_t{1} << 20);
  tools::gpu::Pause pause(device);
  tools::gpu::HashCheck hash(device);
  void* const memory = device.take(sizeof(tools::gpu::Hashes));
  device.fill(memory, std::byte{0}, sizeof(tools::gpu::Hashes));
  device.wait();
  const std::array tensors{tools::gpu::HashedMemory{.data = memory, .bytes = sizeof(tools::gpu::Hashes)}};

  Gate queued;
  bool in_time = false;
  ASSERT_CUDA(launch_one(other_, [&] { in_time = queued.wait_at_most(milliseconds(20'000)); }));
  pause.start(1);
  hash.add(0, tensors);
  hash.end(memory);
  queued.open();
  ASSERT_CUDA(cudaStreamSynchronize(other_));
  EXPECT_TRUE(in_time);
}

}  // namespace
}  // namespace crossdock::emulator
