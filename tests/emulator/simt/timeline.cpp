#include "simt/timeline.hpp"

#if defined(CROSSDOCK_EMULATED_RACES)

#include <deque>
#include <map>
#include <mutex>

#include "simt/fail.hpp"
#include "simt/grid.hpp"

namespace crossdock::emulator {
namespace {

/// ThreadSanitizer makes a thread in a millisecond and knows at most 8128 at once, so they are used again.
class Timelines {
 public:
  static Timelines& of_process() {
    static auto* const timelines = new Timelines;
    return *timelines;
  }

  void* take(const void* gpu) {
    const std::scoped_lock lock(mutex_);
    std::deque<Unused>& own = unused_[gpu];
    if (!own.empty() && own.front().grid.expired()) return take_first(own);
    if (made_ < kMost) return make();
    if (!own.empty()) return take_first(own);
    for (auto& [other, unused] : unused_) {
      if (!unused.empty()) return take_first(unused);
    }
    fail("more threads at once than ThreadSanitizer knows: lower EMULATED_SMS");
  }

  void give_back(const void* gpu, std::weak_ptr<const Grid> grid, void* handle) {
    const std::scoped_lock lock(mutex_);
    unused_[gpu].push_back({std::move(grid), handle});
  }

 private:
  static constexpr int kMost = 7600;  ///< the others are for threads of this processor

  struct Unused {
    std::weak_ptr<const Grid> grid;  ///< that had it last
    void* handle;
  };

  static void* take_first(std::deque<Unused>& unused) {
    void* const handle = unused.front().handle;
    unused.pop_front();
    return handle;
  }

  void* make() {
    ++made_;
    return __tsan_create_fiber(0);
  }

  std::mutex mutex_;
  int made_ = 0;
  std::map<const void*, std::deque<Unused>> unused_;
};

/// While one lives, the caller is another timeline. This file has no instructions of ThreadSanitizer (CMakeLists.txt):
/// what the two share would be a race.
class Switched {
 public:
  explicit Switched(void* to) { __tsan_switch_to_fiber(to, __tsan_switch_to_fiber_no_sync); }
  ~Switched() { __tsan_switch_to_fiber(from_, __tsan_switch_to_fiber_no_sync); }
  Switched(const Switched&) = delete;
  Switched& operator=(const Switched&) = delete;

 private:
  void* from_ = __tsan_get_current_fiber();
};

}  // namespace

Timeline::Timeline(const Grid& grid) : gpu_(&grid.sms()) {
  const Unseen unseen;
  grid_ = grid.weak_from_this();
  handle_ = Timelines::of_process().take(gpu_);
}

Timeline::~Timeline() {
  const Unseen unseen;
  Timelines::of_process().give_back(gpu_, std::move(grid_), handle_);
}

void Timeline::copy(void* to, const void* from, std::size_t bytes) const {
  const Switched switched(handle_);
  std::memcpy(to, from, bytes);
}

void Timeline::publish(const void* address) const {
  const Switched switched(handle_);
  emulator::publish(address);
}

void Timeline::observe(const void* address) const {
  const Switched switched(handle_);
  emulator::observe(address);
}

}  // namespace crossdock::emulator

#endif
