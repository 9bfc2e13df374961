// Events: a place in a stream's order, for others to wait for.
#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "runtime/capture.hpp"
#include "runtime/completion.hpp"
#include "runtime/device.hpp"

namespace crossdock::emulator {

class Event {
 public:
  Event(const Device& device, bool timed) : device_(device), timed_(timed) {}

  const Device& device() const { return device_; }
  bool timed() const { return timed_; }

  /// What the latest record left: the one or the other, or nothing where there was none.
  struct State {
    std::shared_ptr<Completion> completion = {};
    std::optional<CapturedPlace> place = {};
  };
  State state() const;

  /// A record that whoever runs it completes. Waits for earlier records stay as they are.
  std::shared_ptr<Completion> restart();
  void capture(CapturedPlace place);

 private:
  const Device& device_;
  bool timed_;
  mutable std::mutex mutex_;
  State state_;
};

}  // namespace crossdock::emulator
