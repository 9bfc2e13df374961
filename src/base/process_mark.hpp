// What belongs to one process: after a fork the child has copies of it, which have to stay inert.
#pragma once

#include <atomic>
#include <cstdint>

namespace crossdock::base {

namespace detail {
/// Counts the forks between the first process and this one. A word in memory: looking at it costs a load.
extern std::atomic<std::uint32_t> process_generation;
}  // namespace detail

/// A member of what belongs to the process that made it. vfork, posix_spawn and system leave it as it is: the child
/// shares the memory until it executes another program. Not for children of _Fork and clone, which tell nobody.
class ProcessMark {
 public:
  /// True in a child that fork made since: what is marked is a copy, and the threads behind it do not exist here.
  bool is_inherited() const noexcept {
    return generation_ != detail::process_generation.load(std::memory_order_relaxed);
  }

 private:
  std::uint32_t generation_ = detail::process_generation.load(std::memory_order_relaxed);
};

/// Throws Error(kInvalidArgument): `what` is used in a forked child.
[[noreturn]] void throw_inherited(const char* what);

}  // namespace crossdock::base
