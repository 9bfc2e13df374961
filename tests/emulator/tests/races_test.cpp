// Under ThreadSanitizer: what orders memory on a GPU orders it here, and nothing else does.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "device/ptx/bulk_copy.cuh"
#include "device/ptx/order.cuh"
#include "simt/grid.hpp"

namespace crossdock::emulator {
namespace {

int data = 0;
std::uint64_t flag = 0;

/// Thread 0 writes, the last thread reads.
template <typename Sync>
void hand_over(const Sync& sync) {
  if (threadIdx.x == 0) data = 1;
  sync();
  if (threadIdx.x != blockDim.x - 1) return;
  EXPECT_GE(data, 0);
}

void no_barrier() {
  hand_over([] {});
}
void barrier() {
  hand_over([] { __syncthreads(); });
}
void warp_barrier() {
  hand_over([] { __syncwarp(); });
}
void shuffle() {
  hand_over([] { __shfl_sync(~0U, 1, 0); });
}

/// Block 0 writes and signals, block 1 waits and reads.
template <typename Signal, typename Wait>
void signal_over(const Signal& signal, const Wait& wait) {
  if (blockIdx.x == 0) {
    data = 1;
    signal();
  } else {
    while (wait() == 0) __nanosleep(1);
  }
}
void read_data() { EXPECT_EQ(data, 1); }

std::uint64_t acquired() {
  const std::uint64_t value = device::load_acquire_sys(&flag);
  if (value != 0) read_data();
  return value;
}
std::uint64_t fenced() {
  const std::uint64_t value = device::load_relaxed_sys(&flag);
  if (value == 0) return 0;
  device::fence_sys();
  read_data();
  return value;
}
std::uint64_t relaxed() {
  const std::uint64_t value = device::load_relaxed_sys(&flag);
  if (value != 0) read_data();
  return value;
}

void release_and_acquire() {
  signal_over([] { device::store_release_sys(&flag, 1); }, acquired);
}
void after_kernels_and_acquire() {
  signal_over([] { device::store_after_kernels_sys(&flag, 1); }, acquired);
}
void relaxed_and_acquire() {
  signal_over([] { device::store_relaxed_sys(&flag, 1); }, acquired);
}
void release_and_relaxed() {
  signal_over([] { device::store_release_sys(&flag, 1); }, relaxed);
}
void fences() {
  signal_over(
      [] {
        device::fence_sys();
        device::store_relaxed_sys(&flag, 1);
      },
      fenced);
}
void fence_before_the_data() {
  if (blockIdx.x == 0) device::fence_sys();
  relaxed_and_acquire();
}

alignas(16) std::array<std::byte, 64> to;

template <typename Wait>
void store_and_write_again(const Wait& wait) {
  alignas(16) static thread_local std::array<std::byte, 64> from;
  from[0] = std::byte{1};
  device::bulk_store(to.data(), from.data(), from.size());
  device::bulk_commit();
  wait();
  from[0] = std::byte{2};
  device::bulk_wait_written();
  EXPECT_NE(to[0], std::byte{});
}
void bulk_store_not_waited_for() {
  store_and_write_again([] {});
}
void bulk_store_waited_for() {
  store_and_write_again([] { device::bulk_wait_read<0>(); });
}

struct Kernel {
  const char* name;
  unsigned blocks;
  unsigned threads;
  void (*body)();
  bool races;
};

class Races : public testing::TestWithParam<Kernel> {};

[[noreturn]] void run(const Kernel& kernel) {
  Sms sms{1};
  const auto grid = std::make_shared<Grid>(
      sms, Launch{.grid = {kernel.blocks}, .block = {kernel.threads}, .smem_bytes = 0, .body = kernel.body}, nullptr);
  grid->start();
  grid->wait_until_complete();
  std::exit(0);  // ThreadSanitizer makes it 66 where it has found a race
}

TEST_P(Races, AreFoundWhereNothingOrders) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(run(GetParam()), testing::ExitedWithCode(GetParam().races ? 66 : 0), GetParam().races ? "data race" : "");
}

INSTANTIATE_TEST_SUITE_P(Kernels, Races,
                         testing::Values(Kernel{"NoBarrier", 1, 64, no_barrier, true},       //
                                         Kernel{"Barrier", 1, 64, barrier, false},           //
                                         Kernel{"WarpBarrier", 1, 32, warp_barrier, false},  //
                                         Kernel{"WarpBarrierOfTwoWarps", 1, 64, warp_barrier, true},
                                         Kernel{"Shuffle", 1, 32, shuffle, true},
                                         Kernel{"ReleaseAndAcquire", 2, 1, release_and_acquire, false},
                                         Kernel{"AfterKernelsAndAcquire", 2, 1, after_kernels_and_acquire, false},
                                         Kernel{"RelaxedAndAcquire", 2, 1, relaxed_and_acquire, true},
                                         Kernel{"ReleaseAndRelaxed", 2, 1, release_and_relaxed, true},
                                         Kernel{"Fences", 2, 1, fences, false},
                                         Kernel{"FenceBeforeTheData", 2, 1, fence_before_the_data, true},
                                         Kernel{"BulkStoreNotWaitedFor", 1, 1, bulk_store_not_waited_for, true},
                                         Kernel{"BulkStoreWaitedFor", 1, 1, bulk_store_waited_for, false}),
                         [](const auto& kernel) { return std::string(kernel.param.name); });

}  // namespace
}  // namespace crossdock::emulator
