// The bulk copies of a block (PTX ISA, "cp.async.bulk"): asynchronous, so they happen at random moments between their
// start and the wait that covers them. What does not wait for them reads wrong bytes here as on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace crossdock::emulator {

class BulkCopies {
 public:
  using Random = std::uint64_t;

  /// Global to shared; completes the bytes of the mbarrier.
  void load(void* to, const void* from, std::uint32_t bytes, std::uint64_t* mbarrier);
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
  /// The block has ended: nothing may be on its way out of or into its shared memory. Writes what has been read.
  void end();

 private:
  struct Load {
    void* to;
    const void* from;
    std::uint32_t bytes;
    std::uint64_t* mbarrier;
  };
  /// Read from shared memory first, then written.
  struct Store {
    unsigned thread;
    std::uint64_t group;
    void* to;
    const void* from;
    std::uint32_t bytes;
    bool is_read = false;
    std::vector<std::byte> data = {};
  };

  std::uint64_t& group_of(unsigned thread);
  void finish_load(std::size_t index);
  static void read(Store& store);
  void finish_store(std::size_t index);

  std::vector<Load> loads_;
  std::vector<Store> stores_;
  std::vector<std::uint64_t> groups_;  ///< the current one of each thread
};

}  // namespace crossdock::emulator
