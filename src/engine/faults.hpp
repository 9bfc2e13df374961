// The sticky fault of a group, and what it knows of its peers' health.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "crossdock/error.hpp"
#include "engine/control.hpp"
#include "transport/transport.hpp"

namespace crossdock::engine {

/// Live ranks and their epoch. Changed by set_live_ranks only.
struct Membership {
  std::int64_t epoch = 0;
  std::vector<int> live = {};           ///< ascending
  std::vector<std::uint8_t> mask = {};  ///< [R], 1 = live
};

/// A wait for the same word of several ranks.
struct WaitFor {
  const char* operation = "";
  const char* phase = "";
  int slot = 0;
  int index = 0;          ///< signal index
  std::uint64_t tag = 0;  ///< value that ends the wait, or any later one
  bool of_epoch = true;   ///< a failure is a fault of the epoch; false between epochs
};

/// What Group::abort leaves.
Error abort_error(int rank, const std::string& reason);

/// status(), record() and epoch() may be called from any thread, the rest from the group's thread.
class Faults {
 public:
  Faults(std::shared_ptr<transport::Transport> transport, const ControlLayout& control, const Membership& membership);

  void set_deadline(std::chrono::milliseconds deadline) {
    deadline_ms_.store(deadline.count(), std::memory_order_relaxed);
  }
  std::chrono::milliseconds deadline() const {
    return std::chrono::milliseconds{deadline_ms_.load(std::memory_order_relaxed)};
  }

  /// Throws the sticky fault where there is one.
  void raise_sticky() const;
  bool is_faulty() const;
  /// The sticky fault; looks for lost peers and for peers' aborts first.
  std::optional<Error> status();

  /// Returns when every source has set the word to the tag; on_arrival(source), called once each as they come, may
  /// throw to end the wait. Throws the fault, which is then sticky and known to the peers.
  template <typename OnArrival>
  void wait(const WaitFor& what, std::span<const int> sources, OnArrival&& on_arrival);
  void wait(const WaitFor& what, std::span<const int> sources) {
    wait(what, sources, [](int) {});
  }

  bool arrived(const WaitFor& what, int source) const { return transport_->observed(source, what.index) >= what.tag; }

  /// [R]: time that the waits of all epochs' calls have slept while the rank's word was missing.
  const std::vector<std::chrono::nanoseconds>& wait_times() const { return wait_times_; }

  /// Makes the fault sticky and tells the peers, once an epoch. Keeps the first one.
  void record(const Error& error) noexcept { record(error, epoch(), /*is_masked=*/false); }
  /// The same for a rank that learns that it is masked: peers that finish a call of the old epoch do not fail with it,
  /// unless they wait for it.
  void record_mask(const Error& error) noexcept { record(error, epoch(), /*is_masked=*/true); }
  /// The membership is a new epoch's.
  void begin_epoch();
  std::int64_t epoch() const { return snapshot().epoch; }

 private:
  /// What threads may look at while set_live_ranks changes the membership.
  struct Epoch {
    std::int64_t epoch = 0;
    std::vector<int> live = {};
  };
  Epoch snapshot() const;

  /// Nothing where `epoch` is over: another thread has seen its fault.
  void record(const Error& error, std::int64_t epoch, bool is_masked) noexcept;
  /// What the peer left if it gave up on this epoch.
  std::optional<AbortBlock> abort_of(int peer, std::int64_t epoch) const;
  /// Throws where an awaited peer is masked, was lost or left; looks at sockets only every few milliseconds.
  void check_peers(const WaitFor& what, std::span<const int> pending);
  /// Throws where a peer gave up.
  void check_aborts(const WaitFor& what) { check_aborts(what, membership_.live, membership_.epoch); }
  void check_aborts(const WaitFor& what, std::span<const int> live, std::int64_t epoch);
  [[noreturn]] void pass_on(const AbortBlock& block, int peer, const WaitFor& what, std::int64_t epoch);
  [[noreturn]] void give_up(const WaitFor& what, int pending);
  [[noreturn]] void fail(ErrorCode code, const std::string& message, const WaitFor& what, int peer,
                         std::uint64_t observed, std::int64_t epoch);
  void sleep(const WaitFor& what, std::uint32_t ticket, const base::Deadline& deadline, std::span<const int> pending);
  /// Follows who waits for whom to the rank that waits for nobody.
  int find_culprit(int pending) const;

  std::shared_ptr<transport::Transport> transport_;
  const ControlLayout& control_;
  const Membership& membership_;
  std::atomic<std::int64_t> deadline_ms_{100'000};
  base::Clock::time_point next_look_{};
  std::vector<std::chrono::nanoseconds> wait_times_;
  mutable std::mutex mutex_;
  std::optional<Error> sticky_;
  Epoch epoch_;  ///< a copy of the membership's
};

template <typename OnArrival>
void Faults::wait(const WaitFor& what, std::span<const int> sources, OnArrival&& on_arrival) {
  std::vector<int> pending(sources.begin(), sources.end());
  const base::Deadline deadline(this->deadline());
  for (;;) {
    const std::uint32_t ticket = transport_->ticket();
    std::erase_if(pending, [&](int source) {
      if (!arrived(what, source)) return false;
      on_arrival(source);
      return true;
    });
    if (pending.empty()) break;
    check_aborts(what);
    check_peers(what, pending);
    if (deadline.expired()) give_up(what, pending.front());
    sleep(what, ticket, deadline, pending);
  }
  transport_->publish_wait(-1);
}

}  // namespace crossdock::engine
