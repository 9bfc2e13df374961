// The threads of one rank.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/process_mark.hpp"

namespace crossdock::cpu {

/// Runs a function on num_workers threads, the caller's among them. One caller at a time.
class Workers {
 public:
  /// 1 = the caller alone: no thread is made. Throws Error(kSystem), with the limits of threads, where one is refused.
  explicit Workers(int num_workers);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  /// Calls part(begin, end) for consecutive parts of [0, count), one a worker, and returns when all have. `part` must
  /// not throw.
  void run(std::int64_t count, const std::function<void(std::int64_t begin, std::int64_t end)>& part);

 private:
  void serve(int worker);
  void stop();
  void run_part(int worker) const;

  base::ProcessMark process_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(std::int64_t, std::int64_t)>* part_ = nullptr;
  std::int64_t count_ = 0;
  std::uint64_t round_ = 0;
  int num_running_ = 0;
  bool stop_ = false;
};

}  // namespace crossdock::cpu
