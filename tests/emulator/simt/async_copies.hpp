// Copies into shared memory that a thread waits for by itself (PTX ISA, "cp.async"): each happens at its start or not
// before the wait that covers it, so that both who reads too early and who writes over a slot in use are found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace crossdock::emulator {

class AsyncCopies {
 public:
  static constexpr std::size_t kBytes = 16;

  /// Of CUDA thread `thread`, in its current group. `from` == nullptr: zeros.
  void start(unsigned thread, void* to, const void* from, bool at_once);
  void commit(unsigned thread);
  /// All but the latest `pending` groups of the thread are done.
  void wait(unsigned thread, unsigned pending);
  /// The block has ended: nothing may be on its way into its shared memory.
  void end() const;

 private:
  struct Copy {
    std::uint64_t group;
    void* to;
    const void* from;
  };
  struct Queue {
    std::uint64_t group = 0;  ///< the current one
    std::deque<Copy> copies;
  };

  Queue& queue_of(unsigned thread);
  static void finish(const Copy& copy);

  std::vector<Queue> queues_;
};

}  // namespace crossdock::emulator
