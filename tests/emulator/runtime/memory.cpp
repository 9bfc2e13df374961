#include "runtime/memory.hpp"

#include <iterator>
#include <mutex>

namespace crossdock::emulator {

MemoryMap& MemoryMap::of_process() {
  static auto* const map = new MemoryMap;
  return *map;
}

void MemoryMap::enter(const MemoryRange& range) {
  const std::scoped_lock lock(mutex_);
  ranges_[range.begin] = range;
}

std::optional<MemoryRange> MemoryMap::remove(std::uintptr_t begin, Origin origin) {
  const std::scoped_lock lock(mutex_);
  const auto found = ranges_.find(begin);
  if (found == ranges_.end() || found->second.origin != origin) return std::nullopt;
  const MemoryRange range = found->second;
  ranges_.erase(found);
  return range;
}

std::optional<MemoryRange> MemoryMap::find(const void* pointer, std::size_t bytes) const {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const std::shared_lock lock(mutex_);
  const auto after = ranges_.upper_bound(address);
  if (after == ranges_.begin()) return std::nullopt;
  const MemoryRange& range = std::prev(after)->second;
  const std::size_t at = address - range.begin;
  if (at >= range.bytes || bytes > range.bytes - at) return std::nullopt;
  return range;
}

}  // namespace crossdock::emulator
