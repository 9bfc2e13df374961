// The fences of a CUDA thread for ThreadSanitizer, which knows none: a fence and a relaxed store or atomic after it
// release what was before the fence; a relaxed load or atomic and a fence after it acquire.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "simt/timeline.hpp"

namespace crossdock::emulator {

class Fences {
 public:
  // The thread calls:
  void fence();
  /// After a relaxed load or atomic.
  void loaded(const void* word);
  /// Before a relaxed store or atomic.
  void will_store(const void* word, const Grid& grid);

 private:
  bool has_fenced_ = false;
  std::vector<const void*> loaded_;   ///< since the latest fence
  std::uint64_t at_fence_ = 0;        ///< its address: what the thread had done and seen at its latest fence
  std::unique_ptr<Timeline> fenced_;  ///< is where the thread was at its latest fence
};

}  // namespace crossdock::emulator
