#include "info.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "crossdock/config.hpp"
#include "environment.hpp"
#include "errno_text.hpp"
#include "gpu/device.hpp"
#include "launch/descriptor.hpp"

namespace crossdock::tools {
namespace {

std::string refused(const char* what) { return fmt::format("no: {}: {}", what, errno_text()); }

/// "yes", or what was refused: each piece is tried, as ranks that are processes need all of them.
std::string processes_verdict() {
  const Descriptor memory(static_cast<int>(syscall(SYS_memfd_create, "crossdock-info", 1U /* MFD_CLOEXEC */)));
  if (!memory.open()) return refused("memfd_create");
  std::uint32_t word = 0;
  const timespec at_once{.tv_sec = 0, .tv_nsec = 1};
  if (syscall(SYS_futex, &word, FUTEX_WAIT, 0, &at_once, nullptr, 0) != 0 && errno != ETIMEDOUT)
    return refused("futex");
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.open()) return refused("unix socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("crossdock-info-{}", ::getpid());
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // a leading zero makes the name abstract
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return refused("abstract socket");
  return "yes (memfd, futex and abstract sockets work)";
}

std::string size_text(std::int64_t bytes) {
  if (bytes >= std::int64_t{1} << 30) return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1 << 30));
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
  return fmt::format("{} KiB", bytes >> 10);
}

std::string hardware_text(const Inventory& inventory) {
  const Machine& machine = inventory.machine;
  std::string text = fmt::format("cpu         {}\n", machine.cpu.empty() ? "unknown" : machine.cpu);
  text += fmt::format("topology    {} packages, {} cores, {} hardware threads, {} NUMA nodes\n", machine.packages,
                      machine.cores, machine.threads, machine.numa_nodes);
  for (const Cache& cache : machine.caches) {
    text += fmt::format("cache       L{}: {} x {}\n", cache.level, cache.count, size_text(cache.bytes));
  }
  text += fmt::format("memory      {} free ({})\n", size_text(inventory.memory.bytes), inventory.memory.bound);
  text += fmt::format("simd        {}\n", fmt::join(inventory.simd, ", "));
  return text;
}

std::string cuda_verdict() {
  if (!gpu::is_built()) return "no: not built";
  return gpu::count_devices() == 0 ? "no: CUDA shows no GPU" : "yes";
}

std::vector<std::string> describe_gpus() {
  std::vector<std::string> lines;
  for (int index = 0; index < gpu::count_devices(); ++index) lines.push_back(gpu::describe_device(index));
  return lines;
}

}  // namespace

Inventory take_inventory() {
  return {.machine = read_machine(),
          .memory = free_memory(),
          .simd = simd_targets(),
          .offers = {{"transport", "threads of one process", "yes"},
                     {"transport", "processes over shared memory", processes_verdict()},
                     {"transport", "ucx", "no: not built"},
                     {"transport", "cuda p2p", cuda_verdict()},
                     {"transport", "gin", "no: not built"},
                     {"backend", "cpu", "yes"},
                     {"backend", "cuda", cuda_verdict()}},
          .gpus = describe_gpus(),
          .launcher = launcher_variables()};
}

std::string format_inventory(const std::string& version, const Inventory& inventory) {
  std::string text = fmt::format("crossdock {}\n{}", version, hardware_text(inventory));
  for (const Offer& offer : inventory.offers) {
    text += fmt::format("{:<12}{}: {}\n", offer.kind, offer.name, offer.verdict);
  }
  for (std::size_t index = 0; index < inventory.gpus.size(); ++index) {
    text += fmt::format("gpu {}       {}\n", index, inventory.gpus[index]);
  }
  if (inventory.launcher.empty()) text += "launcher    no variables of torchrun, MPI, Slurm or Kubernetes are set\n";
  for (const auto& [name, value] : inventory.launcher) text += fmt::format("launcher    {}={}\n", name, value);
  return text;
}

}  // namespace crossdock::tools
