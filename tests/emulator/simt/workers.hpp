// Threads of the processor, used again. Each task has one to itself at once: tasks wait for one another.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace crossdock::emulator {

class Workers {
 public:
  /// Never destroyed: at the end of the process its threads may still wait for work.
  static Workers& of_process();

  void run(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::size_t idle_ = 0;
};

}  // namespace crossdock::emulator
