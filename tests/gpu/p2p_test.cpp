// Windows of GPU memory between processes and between threads.
#include <gtest/gtest.h>

#include <thread>

#include "crossdock/error.hpp"
#include "crossdock/world.hpp"
#include "harness/device_buffer.hpp"
#include "multi/fork_ranks.hpp"
#include "multi/free_port.hpp"
#include "transport/p2p/peer_windows.hpp"

namespace crossdock::gpu {
namespace {

using transport::connect_p2p;

constexpr std::size_t kWindow = std::size_t{3} << 20;
constexpr std::size_t kPart = 4096;

/// Asked once, by a child: a process that made a call of CUDA cannot fork.
bool has_gpu() {
  static const bool has = crossdock::testing::fork_ranks(1, [](int) {
    int count = 0;
    kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    if (count == 0) throw Error(ErrorCode::kSystem, "no GPU");
  });
  return has;
}

int device_of(int rank) {
  int count = 0;
  kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  return rank % count;
}

/// Every rank writes into everybody's window, then looks at what all wrote into its own.
void exchange(Bootstrap& bootstrap, bool fabric = true) {
  const int rank = bootstrap.rank();
  const int device = device_of(rank);
  const auto windows = connect_p2p(
      bootstrap, {.device = device, .window_bytes = kWindow + static_cast<std::size_t>(rank), .fabric = fabric});
  EXPECT_EQ(windows->sharing() == WindowSharing::kAddresses, bootstrap.same_process());
  EXPECT_TRUE(fabric || windows->sharing() != WindowSharing::kFabricHandles);
  kernels::check_cuda(cudaSetDevice(device), "cudaSetDevice");
  for (const auto byte : read_back<unsigned char>(windows->peer_window(rank), kWindow)) ASSERT_EQ(byte, 0);
  bootstrap.all_gather({}, std::chrono::seconds(20));
  for (int peer = 0; peer < bootstrap.num_ranks(); ++peer) {
    EXPECT_GE(windows->window_bytes(peer), kWindow + static_cast<std::size_t>(peer));
    std::byte* part = windows->peer_window(peer) + static_cast<std::size_t>(rank) * kPart;
    kernels::check_cuda(cudaMemset(part, 16 * (rank + 1) + peer, kPart), "cudaMemset");
  }
  kernels::check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  bootstrap.all_gather({}, std::chrono::seconds(20));
  for (int peer = 0; peer < bootstrap.num_ranks(); ++peer) {
    const std::byte* part = windows->peer_window(rank) + static_cast<std::size_t>(peer) * kPart;
    for (const auto byte : read_back<unsigned char>(part, kPart)) ASSERT_EQ(byte, 16 * (peer + 1) + rank);
  }
  bootstrap.all_gather({}, std::chrono::seconds(20));
}

void exchange_as_processes(bool fabric) {
  const int port = crossdock::testing::free_port();
  EXPECT_TRUE(crossdock::testing::fork_ranks(
      3, [&](int rank) { exchange(*World::tcp({.rank = rank, .num_ranks = 3, .port = port}).bootstrap(), fabric); }));
}

// Processes first: the tests after them make calls of CUDA in this process.
TEST(P2p, ProcessesReachOneAnother) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU";
  exchange_as_processes(true);
}

TEST(P2p, ProcessesReachOneAnotherByFileDescriptors) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU";
  exchange_as_processes(false);
}

TEST(P2p, ThreadsReachOneAnother) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU";
  const std::vector<World> worlds = World::threads(4);
  std::vector<std::thread> threads;
  for (const World& world : worlds) threads.emplace_back([&world] { exchange(*world.bootstrap()); });
  for (std::thread& thread : threads) thread.join();
}

TEST(P2p, ARankThatFailsFailsTheOthersAtOnce) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU";
  const std::vector<World> worlds = World::threads(2);
  std::thread bad([&] { EXPECT_THROW(connect_p2p(*worlds[1].bootstrap(), {.device = 0, .window_bytes = 0}), Error); });
  try {
    connect_p2p(*worlds[0].bootstrap(), {.device = 0, .window_bytes = kWindow});
    ADD_FAILURE() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kRejectedByPeer);
    EXPECT_EQ(error.report().peer, 1);
  }
  bad.join();
}

}  // namespace
}  // namespace crossdock::gpu
