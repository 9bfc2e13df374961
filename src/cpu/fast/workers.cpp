#include "cpu/fast/workers.hpp"

#include <fmt/format.h>

#include <memory>
#include <system_error>

#include "base/float_environment.hpp"
#include "base/limits.hpp"
#include "crossdock/error.hpp"

namespace crossdock::cpu {

Workers::Workers(int num_workers) {
  for (int worker = 1; worker < num_workers; ++worker) {
    try {
      threads_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error& refusal) {
      stop();
      throw Error(ErrorCode::kSystem,
                  fmt::format("threads of a rank: expected {}, got {}: {}{}; GroupConfig::num_threads may be less",
                              num_workers, worker, refusal.code().message(), base::thread_limit_behind()));
    }
  }
}

// In a forked child there are no threads to wait for: what knows of them is made anew instead of ended.
Workers::~Workers() {
  if (!process_.is_inherited()) {
    stop();
    return;
  }
  for (std::thread& thread : threads_) std::construct_at(&thread);
  std::construct_at(&changed_);
}

void Workers::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::run(std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& part) {
  if (threads_.empty()) {
    part(0, count);
    return;
  }
  {
    const std::scoped_lock lock(mutex_);
    part_ = &part;
    count_ = count;
    num_running_ = static_cast<int>(threads_.size());
    ++round_;
  }
  changed_.notify_all();
  run_part(0);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return num_running_ == 0; });
}

void Workers::serve(int worker) {
  const base::FloatEnvironment environment;
  std::unique_lock lock(mutex_);
  for (std::uint64_t seen = 0;;) {
    changed_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) return;
    seen = round_;
    lock.unlock();
    run_part(worker);
    lock.lock();
    if (--num_running_ == 0) changed_.notify_all();
  }
}

void Workers::run_part(int worker) const {
  const std::int64_t begin = count_ * worker / size();
  const std::int64_t end = count_ * (worker + 1) / size();
  if (begin < end) (*part_)(begin, end);
}

}  // namespace crossdock::cpu
