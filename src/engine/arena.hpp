// The results' part of the own window: first fit by offset, so that pages in use stay few.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/process_mark.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::engine {

/// Memory inside the own window. Its WindowBuffer gives it back from any thread, also after the group is gone.
struct Reservation {
  std::size_t offset = 0;  ///< in the window
  std::size_t bytes = 0;
  std::byte* data = nullptr;
  WindowBuffer memory;
  std::weak_ptr<void> owner;          ///< of memory
  std::shared_ptr<std::size_t> size;  ///< what `memory` gives back when it is released
};

/// Pieces of one result: they live as long as it does.
WindowBuffer together(std::initializer_list<WindowBuffer> pieces);

class Arena : public std::enable_shared_from_this<Arena> {
 public:
  /// Takes [begin, end of the window). The arena keeps the window's owner, and so the mapping, alive.
  Arena(std::shared_ptr<const void> owner, std::span<std::byte> window, std::size_t begin, int rank);

  /// Throws WindowTooSmall with the bytes needed and the largest free piece.
  Reservation reserve(std::size_t bytes);
  /// Bytes of the largest piece that reserve would give now.
  std::size_t largest_free() const;
  /// Takes what is free of a range: memory that was reserved once and that somebody may still write.
  std::vector<Reservation> take(std::size_t offset, std::size_t bytes);
  /// Gives back all but the first `bytes`: peers may only be writing to these.
  void trim(Reservation& reservation, std::size_t bytes);
  /// True where the address range lies inside a window reservation's region.
  bool contains(const void* data, std::size_t bytes) const;
  /// False where a byte is the window's and nobody's: given back, or never handed out.
  bool is_held(std::span<const std::byte> memory) const;
  /// Offset in the window of an address that contains() accepts.
  std::size_t offset_of(const void* data) const;

 private:
  /// The lock is held and [offset, offset + bytes) is free.
  Reservation hand_out(std::size_t offset, std::size_t bytes);
  void release(std::size_t offset, std::size_t bytes) noexcept;

  base::ProcessMark process_;
  std::shared_ptr<const void> owner_;
  int rank_ = 0;
  std::byte* base_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  mutable std::mutex mutex_;
  std::map<std::size_t, std::size_t> free_;  ///< offset -> bytes
};

}  // namespace crossdock::engine
