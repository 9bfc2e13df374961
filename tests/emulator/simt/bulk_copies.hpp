// The bulk copies of a block (PTX ISA, "cp.async.bulk"): asynchronous, so they happen at random moments between their
// start and the wait that covers them. What does not wait for them reads wrong bytes here as on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "simt/timeline.hpp"

namespace crossdock::emulator {

class BulkCopies {
 public:
  using Random = std::uint64_t;

  explicit BulkCopies(const Grid& grid) : grid_(grid) {}

  /// Global to shared; completes the bytes of the mbarrier.
  void load(unsigned thread, void* to, const void* from, std::uint32_t bytes, std::uint64_t* mbarrier);
  /// Shared to global, in the current group of CUDA thread `thread`.
  void store(unsigned thread, void* to, const void* from, std::uint32_t bytes);
  void commit(unsigned thread);
  /// All but the latest `pending` groups of the thread have read shared memory.
  void wait_read(unsigned thread, unsigned pending);
  /// All groups of the thread are written.
  void wait_written(unsigned thread);

  bool is_idle() const { return loads_.empty() && stores_.empty(); }
  /// Does a step of one of them, whichever `random` says.
  void advance(Random random);
  /// The block has ended: nothing may be on its way out of or into its shared memory. Writes what has been read, and
  /// publishes it at `kernel`.
  void end(const void* kernel);

 private:
  /// What the copies that a thread started do, beside the thread: for ThreadSanitizer.
  struct Engine {
    explicit Engine(const Grid& grid) : timeline(grid) {}
    Timeline timeline;
    // Their addresses, for publish() and observe():
    std::uint64_t start = 0;
    std::uint64_t read = 0;
    std::uint64_t written = 0;
  };
  struct Load {
    Engine* engine;
    void* to;
    const void* from;
    std::uint32_t bytes;
    std::uint64_t* mbarrier;
  };
  /// Read from shared memory first, then written.
  struct Store {
    Engine* engine;
    unsigned thread;
    std::uint64_t group;
    void* to;
    const void* from;
    std::uint32_t bytes;
    bool is_read = false;
    std::vector<std::byte> data = {};
  };

  /// Of the calling thread; what that has done is before what the engine does.
  Engine& start_engine(unsigned thread);
  const Engine* engine_of(unsigned thread) const;
  std::uint64_t& group_of(unsigned thread);
  void finish_load(std::size_t index);
  static void read(Store& store);
  void finish_store(std::size_t index);

  const Grid& grid_;
  std::vector<std::unique_ptr<Engine>> engines_;  ///< of each thread that has copied
  std::vector<Load> loads_;
  std::vector<Store> stores_;
  std::vector<std::uint64_t> groups_;  ///< the current one of each thread
};

}  // namespace crossdock::emulator
