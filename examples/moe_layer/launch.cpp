#include "launch.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace moe_layer {
namespace {

bool run_rank(int rank, const std::function<crossdock::World()>& make_world, const RankBody& body) {
  try {
    body(make_world());
    return true;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "rank %d: %s\n", rank, failure.what());
    return false;
  }
}

/// A port that nobody listens on now.
int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool found = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  if (!found) throw std::runtime_error("no free port on the loopback interface");
  return ntohs(address.sin_port);
}

}  // namespace

bool run_as_processes(int num_ranks, const RankBody& body) {
  const int port = free_port();
  std::vector<pid_t> children;
  std::fflush(nullptr);
  for (int rank = 0; rank < num_ranks; ++rank) {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
      const crossdock::TcpWorldOptions options{.rank = rank, .num_ranks = num_ranks, .port = port};
      const bool ok = run_rank(rank, [&] { return crossdock::World::tcp(options); }, body);
      std::fflush(nullptr);
      ::_exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  bool ok = true;
  for (const pid_t child : children) {
    int status = 0;
    ok = ::waitpid(child, &status, 0) == child && status == 0 && ok;
  }
  return ok;
}

bool run_as_threads(int num_ranks, const RankBody& body) {
  std::vector<crossdock::World> worlds = crossdock::World::threads(num_ranks);
  std::atomic<bool> ok = true;
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < worlds.size(); ++rank) {
    threads.emplace_back([&, rank] {
      // The world leaves with the rank, so that the others see it go.
      if (!run_rank(static_cast<int>(rank), [&] { return std::move(worlds[rank]); }, body)) ok = false;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ok;
}

std::span<std::byte> shared_memory(std::size_t bytes) {
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::runtime_error("mmap failed");
  return {static_cast<std::byte*>(data), bytes};
}

}  // namespace moe_layer
