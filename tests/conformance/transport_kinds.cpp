#include "transport_kinds.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "../multi/fork_ranks.hpp"
#include "../multi/free_port.hpp"
#include "base/clock.hpp"
#include "crossdock/world.hpp"

namespace crossdock::testing {

void run_as_threads(int num_ranks, const RankBody& body) {
  std::vector<std::thread> threads;
  for (World& world : World::threads(num_ranks)) {
    threads.emplace_back([bootstrap = world.bootstrap(), &body] {
      try {
        body(*bootstrap);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << "rank " << bootstrap->rank() << ": " << failure.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void run_as_processes(int num_ranks, const RankBody& body) {
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(num_ranks, [&](int rank) {
    const World world = World::tcp({.rank = rank, .num_ranks = num_ranks, .port = port});
    body(*world.bootstrap());
  }));
}

std::vector<TransportKind> all_kinds() {
  return {{.name = "Threads", .run = run_as_threads, .connect = transport::connect_threads},
          {.name = "Processes", .run = run_as_processes, .connect = transport::connect_processes},
          {.name = "SharedFiles", .run = run_as_threads, .connect = transport::connect_processes}};
}

bool wait_until(transport::Transport& transport, const std::function<bool()>& condition,
                std::chrono::milliseconds at_most) {
  const base::Deadline deadline(at_most);
  while (true) {
    const std::uint32_t ticket = transport.ticket();
    if (condition()) return true;
    if (deadline.expired()) return false;
    transport.sleep(ticket, deadline.remaining());
  }
}

void meet(Bootstrap& bootstrap) { bootstrap.all_gather({}, std::chrono::seconds(30)); }

}  // namespace crossdock::testing
