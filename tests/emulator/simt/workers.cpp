#include "simt/workers.hpp"

#include <cfenv>
#include <thread>
#include <utility>

#include "simt/races.hpp"

namespace crossdock::emulator {

Workers& Workers::of_process() {
  static auto* const workers = new Workers;
  return *workers;
}

void Workers::run(std::function<void()> task) {
  const std::scoped_lock lock(mutex_);
  tasks_.push_back(std::move(task));
  // ThreadSanitizer takes what is thread_local for new where the thread is.
  if (kFindsRaces || tasks_.size() > idle_) {
    std::thread([this] { work(); }).detach();
    ++idle_;
  }
  changed_.notify_one();
}

void Workers::work() {
  std::fesetenv(FE_DFL_ENV);  // a GPU knows nothing of what the launching thread has set
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return !tasks_.empty(); });
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    --idle_;
    lock.unlock();
    task();
    {
      const UnseenAccesses unseen;  // it may be the last that knows an object of others
      task = nullptr;
    }
    if (kFindsRaces) return;
    lock.lock();
    ++idle_;
  }
}

}  // namespace crossdock::emulator
