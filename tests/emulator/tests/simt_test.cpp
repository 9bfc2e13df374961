// The emulated GPU does what kernels rely on, and ends where a GPU would go wrong.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "device/ptx/barrier.cuh"
#include "device/ptx/bulk_copy.cuh"
#include "device/ptx/convert.cuh"
#include "device/ptx/grid.cuh"
#include "simt/grid.hpp"

namespace crossdock::emulator {
namespace {

class Simt : public testing::Test {
 protected:
  std::shared_ptr<Grid> start(unsigned blocks, unsigned threads, std::function<void()> body,
                              std::shared_ptr<Grid> earlier = nullptr) {
    auto grid = std::make_shared<Grid>(
        sms_, Launch{.grid = {blocks}, .block = {threads}, .may_overlap = earlier != nullptr, .body = std::move(body)},
        earlier);
    grid->start();
    return grid;
  }
  void run(unsigned blocks, unsigned threads, std::function<void()> body) {
    start(blocks, threads, std::move(body))->wait_until_complete();
  }

  Sms sms_{kFindsRaces ? 2 : 4};  // ThreadSanitizer knows about 8000 threads
};
using SimtDeath = Simt;

TEST_F(Simt, EachThreadOfEachBlockRunsOnce) {
  std::vector<std::atomic<int>> runs(7 * 65);
  run(7, 65, [&] { ++runs[blockIdx.x * blockDim.x + threadIdx.x]; });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST_F(Simt, MoreBlocksThanRoomRunOneAfterTheOther) {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  run(40, 1024, [&] {
    if (threadIdx.x == 0) most = std::max(most.load(), ++running);
    __syncthreads();
    __nanosleep(1);
    __syncthreads();
    if (threadIdx.x == 0) --running;
  });
  EXPECT_LE(most, 2 * sms_.count());  // of 2048 threads
}

TEST_F(Simt, SharedMemoryIsTheBlocks) {
  std::array<int, 6> sums{};
  run(6, 96, [&] {
    static thread_local int sum;
    if (threadIdx.x == 0) sum = 0;
    __syncthreads();
    atomicAdd(&sum, static_cast<int>(blockIdx.x));
    __syncthreads();
    if (threadIdx.x == 95) sums[blockIdx.x] = sum;
  });
  for (int block = 0; block < 6; ++block) EXPECT_EQ(sums[static_cast<std::size_t>(block)], 96 * block);
}

TEST_F(Simt, WhoArrivesAtABarrierGoesOn) {
  std::array<int, 2> seen{};
  run(1, 96, [&] {
    static thread_local std::array<int, 2> done;
    if (threadIdx.x == 0) done = {};
    __syncthreads();
    for (int round = 0; round < 2; ++round) {
      const int barrier = 1 + round;
      if (threadIdx.x < 64) {
        atomicAdd(&done[static_cast<std::size_t>(round)], 1);
        device::barrier_arrive(barrier, 96);
      } else {
        device::barrier_sync(barrier, 96);
        if (threadIdx.x == 64) seen[static_cast<std::size_t>(round)] = done[static_cast<std::size_t>(round)];
      }
    }
  });
  EXPECT_EQ(seen, (std::array{64, 64}));
}

TEST_F(Simt, EndedThreadsAreNotWaitedFor) {
  int sum = 0;
  run(1, 64, [&] {
    if (threadIdx.x >= 40) return;
    __syncthreads();
    const int lanes = __popc(__ballot_sync(~0U, true));
    if (threadIdx.x % 32 == 0) atomicAdd(&sum, lanes);
  });
  EXPECT_EQ(sum, 40);
}

TEST_F(Simt, LanesExchange) {
  run(1, 32, [] {
    const int lane = static_cast<int>(threadIdx.x);
    EXPECT_EQ(__shfl_sync(~0U, 3 * lane, 5), 15);
    EXPECT_EQ(__shfl_up_sync(~0U, lane, 4), lane < 4 ? lane : lane - 4);
    EXPECT_EQ(__shfl_down_sync(~0U, lane, 4), lane > 27 ? lane : lane + 4);
    EXPECT_EQ(__shfl_xor_sync(~0U, std::uint64_t{1} << lane, 1), std::uint64_t{1} << (lane ^ 1));
    EXPECT_EQ(__ballot_sync(~0U, lane % 3 == 0), 0x4924'9249U);
    EXPECT_EQ(__match_any_sync(~0U, lane / 16), lane < 16 ? 0x0000'FFFFU : 0xFFFF'0000U);
    EXPECT_EQ(__reduce_add_sync(~0U, static_cast<unsigned>(lane)), 496U);
    EXPECT_EQ(__reduce_max_sync(~0U, static_cast<unsigned>(lane)), 31U);
    EXPECT_EQ(__reduce_min_sync(~0U, static_cast<unsigned>(lane) + 7), 7U);
    EXPECT_TRUE(__all_sync(~0U, lane < 32));
    EXPECT_FALSE(__any_sync(~0U, lane > 31));
    const std::uint32_t half = lane < 16 ? 0x0000'FFFFU : 0xFFFF'0000U;
    EXPECT_EQ(__shfl_sync(half, lane, lane < 16 ? 3 : 19), lane < 16 ? 3 : 19);
  });
}

TEST_F(Simt, BulkCopiesAreOverWhenTheirWaitsAre) {
  constexpr unsigned kBytes = 4096;
  alignas(16) static std::array<std::byte, kBytes> from;
  alignas(16) static std::array<std::byte, kBytes> to;
  for (std::size_t i = 0; i < kBytes; ++i) from[i] = static_cast<std::byte>(i * 7);
  run(1, 32, [] {
    alignas(16) static thread_local std::array<std::byte, kBytes> chunk;
    static thread_local std::uint64_t full;
    if (threadIdx.x != 0) return;
    device::mbarrier_init(&full, 1);
    for (std::uint32_t parity = 0; parity < 2; ++parity) {
      device::mbarrier_arrive_expect(&full, kBytes);
      device::bulk_load(chunk.data(), from.data(), kBytes, &full);
      while (!device::mbarrier_try_wait(&full, parity)) {
      }
      EXPECT_EQ(chunk, from);
      device::bulk_store(to.data(), chunk.data(), kBytes);
      device::bulk_commit();
      device::bulk_wait_read<0>();
      chunk.fill(std::byte{0xEE});
    }
    device::bulk_wait_written();
    EXPECT_EQ(to, from);
  });
}

TEST_F(Simt, TheNextKernelStartsEarlyAndWaitsForTheOneBefore) {
  std::atomic<bool> next_runs{false};
  std::atomic<bool> ended{false};
  const auto first = start(2, 32, [&] {
    device::let_next_kernel_start();
    while (!next_runs) __nanosleep(1);
    ended = true;
  });
  first->wait_until_next_may_start();
  const auto second = start(
      1, 1,
      [&] {
        next_runs = true;
        device::wait_for_earlier_kernels();
        EXPECT_TRUE(ended);
      },
      first);
  second->wait_until_complete();
}

TEST_F(SimtDeath, AKernelThatStartsEarlyHasToWait) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run_both = [&] { start(1, 1, [] {}, start(1, 1, [] {}))->wait_until_complete(); };
  EXPECT_DEATH(run_both(), "ended without waiting for them");
}

void diverge() {
  if (threadIdx.x < 7) {
    __shfl_sync(~0U, 1, 0);
  } else {
    __shfl_sync(~0U, 2, 0);
  }
}

TEST_F(SimtDeath, LanesThatMeetAtDifferentPlacesHaveDiverged) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run(1, 32, diverge), "the warp has diverged");
}

void wait_for_a_lane_that_waits_elsewhere() {
  if (threadIdx.x == 0) __syncwarp(0x3);
  __syncthreads();
}

TEST_F(SimtDeath, ThreadsThatWaitForOneAnotherForeverAreTold) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run(1, 64, wait_for_a_lane_that_waits_elsewhere),
               "64 threads wait for one another, 63 of them at __sync");
}

void leave_while_stores_are_on_the_way() {
  alignas(16) static std::array<std::byte, 16> to;
  alignas(16) static thread_local std::array<std::byte, 16> chunk;
  for (int i = 0; i < 64; ++i) device::bulk_store(to.data(), chunk.data(), 16);
  device::bulk_commit();
}

TEST_F(SimtDeath, SharedMemoryMayNotBeReadByABulkStoreAfterItsBlock) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run(1, 1, leave_while_stores_are_on_the_way), "before a bulk store had read");
}

TEST(Conversions, E4m3OfEveryByte) {
  for (std::uint32_t code = 0; code < 0x7F; ++code) {
    const float step = code < 8 ? 0x1p-9F : std::ldexp(1.0F, static_cast<int>(code / 8) - 10);
    const float value = code < 8 ? static_cast<float>(code) * step : static_cast<float>(8 + code % 8) * step;
    EXPECT_EQ(device::emulated_e4m3(value), code) << value;
    EXPECT_EQ(device::emulated_e4m3(-value), code | 0x80U) << value;
    // Halfway to the next one goes to the even one.
    const float halfway = value + step / 2;
    if (code < 0x7E) {
      EXPECT_EQ(device::emulated_e4m3(halfway), code + code % 2) << halfway;
    }
  }
  EXPECT_EQ(device::emulated_e4m3(1e30F), 0x7EU);
  EXPECT_EQ(device::emulated_e4m3(-INFINITY), 0xFEU);
  EXPECT_EQ(device::emulated_e4m3(NAN), 0x7FU);
}

}  // namespace
}  // namespace crossdock::emulator
