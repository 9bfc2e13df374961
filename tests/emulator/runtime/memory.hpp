// Which memory of the process is a GPU's, or pinned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <shared_mutex>

namespace crossdock::emulator {

enum class Origin : std::uint8_t { kMalloc, kHostAlloc, kMapping };

struct MemoryRange {
  std::uintptr_t begin = 0;
  std::size_t bytes = 0;
  Origin origin = Origin::kMalloc;
  int device = 0;

  bool is_pinned() const { return origin == Origin::kHostAlloc; }
};

/// Threads share it.
class MemoryMap {
 public:
  static MemoryMap& of_process();

  void enter(const MemoryRange& range);
  /// Removes the range that begins there; nothing where there is none of that origin.
  std::optional<MemoryRange> remove(std::uintptr_t begin, Origin origin);
  /// The range that the bytes lie in, all of them.
  std::optional<MemoryRange> find(const void* pointer, std::size_t bytes = 1) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::uintptr_t, MemoryRange> ranges_;
};

}  // namespace crossdock::emulator
