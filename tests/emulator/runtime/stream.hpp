// A stream: operations that run one after the other, on a thread of their own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

#include "cuda_runtime_api.h"
#include "runtime/completion.hpp"
#include "simt/grid.hpp"

namespace crossdock::emulator {

class Device;

struct Kernel {
  Sms* sms = nullptr;
  Launch launch;
  bool overlaps = false;  ///< starts as soon as a kernel directly before it lets it
};
using Task = std::function<void()>;
using Operation = std::variant<Task, Kernel>;

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  static std::shared_ptr<Stream> make(Device& device);

  Device& device() const { return device_; }

  void add(Operation operation);
  /// Complete when all that was added before is.
  std::shared_ptr<Completion> mark();
  bool is_idle();
  /// Nothing but marks is added after it; what was added is done.
  void close();

 private:
  explicit Stream(Device& device) : device_(device) {}

  void work();
  std::optional<Operation> next();
  void run(const Task& task);
  void run(const Kernel& kernel);

  Device& device_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Operation> waiting_;
  std::shared_ptr<Completion> asked_;  ///< a mark for is_idle
  bool at_work_ = false;               ///< with an operation, or with a kernel that it has started
  bool closed_ = false;
  bool ended_ = false;
  std::shared_ptr<Grid> kernel_;  ///< started last, maybe still running. The worker's own.
};

/// The current device's default stream where the handle is null; null where there is no such stream.
std::shared_ptr<Stream> stream_of(cudaStream_t handle);

}  // namespace crossdock::emulator
