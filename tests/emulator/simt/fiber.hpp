// A stack of its own for each CUDA thread. A fiber stays on the thread of the processor that made it.
#pragma once

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <functional>

#include "simt/stacks.hpp"
#include "simt/timeline.hpp"

namespace crossdock::emulator {

class Fiber {
 public:
  /// What happened before is before its body; `timeline` outlives it.
  Fiber(std::function<void()> body, const Timeline& timeline);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// By the scheduler: runs the body until it yields or ends.
  void resume();
  /// By the body: back to the scheduler.
  void yield();

  bool has_ended() const { return !body_; }

 private:
  boost::context::fiber run(boost::context::fiber&& scheduler);

  std::function<void()> body_;
  const Timeline& timeline_;
  Stack stack_;
  boost::context::fiber own_;
  boost::context::fiber scheduler_;
  // For the address sanitizer, which has to know what stack is in use.
  void* own_fake_stack_ = nullptr;
  const void* scheduler_stack_ = nullptr;
  std::size_t scheduler_stack_bytes_ = 0;
  void* scheduler_timeline_ = nullptr;  ///< for the thread sanitizer
};

}  // namespace crossdock::emulator
