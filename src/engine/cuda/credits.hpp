// Window memory that the peers' kernels were allowed to write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "engine/arena.hpp"
#include "engine/quarantine.hpp"

namespace crossdock::engine::cuda {

/// The host runs ahead of the GPU, so it does not know which of its latest dispatches a fault has cut short: their
/// memory may still be written by a rank that is masked then, whoever has it by now.
class Credits {
 public:
  /// `captured`: each replay of the call may write there, so no later call ends it.
  void add(std::int64_t sequence, const Reservation& memory, bool captured);
  /// A later call has heard from all ranks: they were through with the ones before it.
  void complete_before(std::int64_t sequence);
  void clear() {
    given_.clear();
    captured_.clear();
  }
  /// Keeps the memory from everybody until `ranks` can write no more; may be done again, for others.
  void quarantine(Arena& arena, Quarantine& quarantine, std::int64_t epoch, std::span<const int> ranks);

 private:
  struct Given {
    std::int64_t sequence = 0;
    std::size_t offset = 0;
    std::size_t bytes = 0;
    std::weak_ptr<void> owner;
  };
  static void quarantine(std::deque<Given>& given, Arena& arena, Quarantine& quarantine, std::int64_t epoch,
                         std::span<const int> ranks);

  std::deque<Given> given_;
  std::deque<Given> captured_;
};

}  // namespace crossdock::engine::cuda
