#include "simt/stacks.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "simt/fail.hpp"

namespace crossdock::emulator {
namespace {

constexpr std::size_t kBytes = 128 * 1024;
constexpr std::size_t kOfSlab = 64;
/// At the lowest byte of each stack: a page without access for each would be more mappings than Linux gives a process.
constexpr std::uint64_t kCanary = 0x5EED'CA9A'51E5'7ACE;

/// The stacks of one thread of the processor. Only pages that were used take memory.
class Stacks {
 public:
  Stacks() = default;
  ~Stacks() {
    for (void* slab : slabs_) munmap(slab, kOfSlab * kBytes);
  }
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  void* take() {
    if (unused_.empty()) add_slab();
    void* stack = unused_.back();
    unused_.pop_back();
    return stack;
  }

  void give_back(void* stack) {
    if (std::memcmp(stack, &kCanary, sizeof kCanary) != 0) fail("a fiber's stack was too small");
    unused_.push_back(stack);
  }

 private:
  void add_slab() {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* slab = mmap(nullptr, kOfSlab * kBytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    if (slab == MAP_FAILED) fail("no memory for the stacks of fibers");
    slabs_.push_back(slab);
    for (std::size_t i = 0; i < kOfSlab; ++i) {
      void* stack = static_cast<std::byte*>(slab) + i * kBytes;
      std::memcpy(stack, &kCanary, sizeof kCanary);
      unused_.push_back(stack);
    }
  }

  std::vector<void*> slabs_;
  std::vector<void*> unused_;
};

Stacks& stacks() {
  static thread_local Stacks of_thread;
  return of_thread;
}

}  // namespace

Stack::Stack() : memory_(stacks().take()) {}
Stack::~Stack() { stacks().give_back(memory_); }

std::size_t Stack::size() { return kBytes; }

boost::context::stack_context Stack::context() const {
  boost::context::stack_context context;
  context.size = kBytes;
  context.sp = static_cast<std::byte*>(memory_) + kBytes;
  return context;
}

}  // namespace crossdock::emulator
