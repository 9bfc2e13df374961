#include "runtime/event.hpp"

#include <utility>

namespace crossdock::emulator {

Event::State Event::state() const {
  const std::scoped_lock lock(mutex_);
  return state_;
}

std::shared_ptr<Completion> Event::restart() {
  auto completion = std::make_shared<Completion>();
  const std::scoped_lock lock(mutex_);
  state_ = {.completion = completion};
  return completion;
}

void Event::capture(CapturedPlace place) {
  const std::scoped_lock lock(mutex_);
  state_ = {.place = std::move(place)};
}

}  // namespace crossdock::emulator
