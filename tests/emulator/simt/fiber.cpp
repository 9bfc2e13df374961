#include "simt/fiber.hpp"

#include <boost/context/preallocated.hpp>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace crossdock::emulator {
namespace {

/// Stack does it.
struct KeepsStack {
  void deallocate(boost::context::stack_context&) {}
};

#if defined(__SANITIZE_ADDRESS__)
void begin_switch(void** fake_stack, const void* stack, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
}
void end_switch(void* fake_stack, const void** stack, std::size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake_stack, stack, bytes);
}
#else
void begin_switch(void** /*fake_stack*/, const void* /*stack*/, std::size_t /*bytes*/) {}
void end_switch(void* /*fake_stack*/, const void** /*stack*/, std::size_t* /*bytes*/) {}
#endif

// For the thread sanitizer, which sees no instructions of this file (CMakeLists.txt): between its switch and that of
// the stacks it would count the calls of one as those of the other.
#if defined(CROSSDOCK_EMULATED_RACES)
void* running_timeline() { return __tsan_get_current_fiber(); }
void switch_timeline(void* to) { __tsan_switch_to_fiber(to, __tsan_switch_to_fiber_no_sync); }
void* handle_of(const Timeline& timeline) { return timeline.handle(); }
#else
void* running_timeline() { return nullptr; }
void switch_timeline(void* /*to*/) {}
void* handle_of(const Timeline& /*timeline*/) { return nullptr; }
#endif

}  // namespace

Fiber::Fiber(std::function<void()> body, const Timeline& timeline) : body_(std::move(body)), timeline_(timeline) {
  publish(this);
  const boost::context::stack_context context = stack_.context();
  own_ = boost::context::fiber(std::allocator_arg, boost::context::preallocated(context.sp, context.size, context),
                               KeepsStack{}, [this](boost::context::fiber&& from) { return run(std::move(from)); });
}

Fiber::~Fiber() = default;

boost::context::fiber Fiber::run(boost::context::fiber&& scheduler) {
  end_switch(nullptr, &scheduler_stack_, &scheduler_stack_bytes_);
  observe(this);
  scheduler_ = std::move(scheduler);
  body_();
  body_ = nullptr;
  begin_switch(nullptr, scheduler_stack_, scheduler_stack_bytes_);
  switch_timeline(scheduler_timeline_);
  return std::move(scheduler_);
}

void Fiber::resume() {
  void* fake_stack = nullptr;
  begin_switch(&fake_stack, stack_.begin(), Stack::size());
  scheduler_timeline_ = running_timeline();
  switch_timeline(handle_of(timeline_));
  own_ = std::move(own_).resume();
  end_switch(fake_stack, nullptr, nullptr);
}

void Fiber::yield() {
  begin_switch(&own_fake_stack_, scheduler_stack_, scheduler_stack_bytes_);
  switch_timeline(scheduler_timeline_);
  scheduler_ = std::move(scheduler_).resume();
  end_switch(own_fake_stack_, &scheduler_stack_, &scheduler_stack_bytes_);
}

}  // namespace crossdock::emulator
