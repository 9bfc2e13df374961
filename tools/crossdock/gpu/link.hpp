// What GPUs can do for each other at best, and an SM for its own.
#pragma once

#include <cstdint>
#include <memory>

namespace crossdock::tools::gpu {

/// GB/s that a GPU's copy engines send and receive at the same time, all of the first `num_devices` at once, each to
/// the next one. With one GPU: of a copy inside it.
double copy_engine_rate(int num_devices);

/// Copies and flags made by SMs, between the first `num_devices` GPUs as above.
class LinkBench {
 public:
  explicit LinkBench(int num_devices);
  LinkBench(const LinkBench&) = delete;
  LinkBench& operator=(const LinkBench&) = delete;
  ~LinkBench();

  enum class Way : std::uint8_t { kStore, kLoad, kHome };
  /// GB/s a GPU, all at once; bulk copies or ordinary loads and stores.
  double copy_rate(Way way, bool bulk, int num_sms) const;
  /// Of the faster of the two.
  double best_rate(Way way, int num_sms) const;
  /// A flag from the first GPU to the second and back.
  double round_trip_us() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crossdock::tools::gpu
