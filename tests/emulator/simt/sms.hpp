// The streaming multiprocessors of a device: room for blocks. A kernel that waits for another one's block hangs here
// where it would hang on a GPU.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace crossdock::emulator {

/// As a GPU of compute capability 9.0 has it.
inline constexpr int kThreadsOfSm = 2048;
inline constexpr int kBlocksOfSm = 32;
inline constexpr std::size_t kSmemOfSm = 228 * 1024;
inline constexpr std::size_t kSmemOfBlock = 227 * 1024;
inline constexpr std::size_t kSmemReserved = 1024;  ///< of each block

class Sms {
 public:
  explicit Sms(int count);

  int count() const { return static_cast<int>(free_.size()); }

  /// What a block takes of an SM.
  struct Room {
    int threads = 0;
    std::size_t smem = 0;
  };
  /// Waits for room, in the order of the calls; returns the SM.
  int take(const Room& room);
  void give_back(int sm, const Room& room);

 private:
  struct Free {
    int blocks = kBlocksOfSm;
    int threads = kThreadsOfSm;
    std::size_t smem = kSmemOfSm;
  };
  int find(const Room& room) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Free> free_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t serving_ = 0;
};

}  // namespace crossdock::emulator
