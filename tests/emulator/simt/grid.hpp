// A kernel that runs: its blocks take places on a device's SMs, each as a thread of this processor.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "simt/sms.hpp"
#include "vector_types.h"

namespace crossdock::emulator {

/// A kernel and its shape. `body` is the kernel with its arguments: each thread of each block calls it once.
struct Launch {
  dim3 grid;
  dim3 block;
  std::size_t smem_bytes = 0;  ///< dynamic shared memory of a block
  bool may_overlap = false;    ///< each block has to wait for the kernels before
  std::function<void()> body;
};

/// Shared between its blocks and the stream that started it.
class Grid : public std::enable_shared_from_this<Grid> {
 public:
  /// Starts no block yet. `earlier` is the kernel that griddepcontrol.wait waits for; null where none.
  Grid(Sms& sms, Launch launch, std::shared_ptr<Grid> earlier);

  /// Gives every block a thread; each begins when an SM has room for it, in the order of their indices.
  void start();

  /// All blocks have ended, and the kernels before it on the stream.
  void wait_until_complete();
  /// All blocks have called griddepcontrol.launch_dependents or ended.
  void wait_until_next_may_start();

  // For the blocks:
  /// For publish() and observe(): what the kernels before it have done (not before earlier_is_complete).
  const void* begin() const { return &begin_; }
  /// The same of its own threads.
  const void* end() const { return &end_; }
  const Launch& launch() const { return launch_; }
  const Sms& sms() const { return sms_; }
  void block_lets_next_start();
  bool earlier_is_complete();

 private:
  void start_blocks();
  void block_ended();
  bool is_complete();
  void take_over_what_earlier_did();

  Sms& sms_;
  Launch launch_;
  std::shared_ptr<Grid> earlier_;
  std::uint64_t begin_ = 0;  ///< its address, as that of end_
  std::uint64_t end_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t blocks_running_;  ///< or not started yet
  std::size_t blocks_that_hold_next_;
};

}  // namespace crossdock::emulator
