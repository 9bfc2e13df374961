#include "engine/arena.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/math.hpp"
#include "core/layout/region_table.hpp"
#include "crossdock/error.hpp"

namespace crossdock::engine {

WindowBuffer together(std::initializer_list<WindowBuffer> pieces) {
  return WindowBuffer(std::make_shared<std::vector<WindowBuffer>>(pieces));
}

Arena::Arena(std::shared_ptr<const void> owner, std::span<std::byte> window, std::size_t begin, int rank)
    : owner_(std::move(owner)), rank_(rank), base_(window.data()), begin_(begin), end_(window.size()) {
  if (begin_ < end_) free_[begin_] = end_ - begin_;
}

Reservation Arena::hand_out(std::size_t offset, std::size_t bytes) {
  auto held = std::make_shared<std::size_t>(bytes);
  const std::shared_ptr<void> owner(
      base_ + offset, [arena = shared_from_this(), offset, held](void*) noexcept { arena->release(offset, *held); });
  return {.offset = offset,
          .bytes = bytes,
          .data = base_ + offset,
          .memory = WindowBuffer(owner),
          .owner = owner,
          .size = std::move(held)};
}

std::vector<Reservation> Arena::take(std::size_t offset, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  std::vector<Reservation> taken;
  auto piece = free_.upper_bound(offset);
  if (piece != free_.begin()) --piece;
  while (piece != free_.end() && piece->first < offset + bytes) {
    const auto [at, size] = *piece;
    const std::size_t begin = std::max(at, offset);
    const std::size_t end = std::min(at + size, offset + bytes);
    if (begin >= end) {
      ++piece;
      continue;
    }
    piece = free_.erase(piece);
    if (at < begin) free_[at] = begin - at;
    if (end < at + size) piece = free_.emplace(end, at + size - end).first;
    taken.push_back(hand_out(begin, end - begin));
  }
  return taken;
}

Reservation Arena::reserve(std::size_t bytes) {
  bytes = base::round_up(std::max<std::size_t>(bytes, 1), core::kRegionAlignment);
  const std::scoped_lock lock(mutex_);
  std::size_t largest = 0;
  for (auto piece = free_.begin(); piece != free_.end(); ++piece) {
    largest = std::max(largest, piece->second);
    if (piece->second < bytes) continue;
    const std::size_t offset = piece->first;
    const std::size_t size = piece->second;
    free_.erase(piece);
    if (size > bytes) free_[offset + bytes] = size - bytes;
    return hand_out(offset, bytes);
  }
  throw Error(ErrorCode::kWindowTooSmall,
              fmt::format("window of rank {}: expected {} free bytes in one piece, got {} of {}", rank_, bytes, largest,
                          end_ - begin_),
              {.phase = "reserve",
               .rank = rank_,
               .peer = rank_,
               .expected = static_cast<std::int64_t>(bytes),
               .observed = static_cast<std::int64_t>(largest)});
}

std::size_t Arena::largest_free() const {
  const std::scoped_lock lock(mutex_);
  std::size_t largest = 0;
  for (const auto& [offset, bytes] : free_) largest = std::max(largest, bytes);
  return largest;
}

void Arena::trim(Reservation& reservation, std::size_t bytes) {
  bytes = base::round_up(std::max<std::size_t>(bytes, 1), core::kRegionAlignment);
  if (bytes >= reservation.bytes) return;
  release(reservation.offset + bytes, reservation.bytes - bytes);
  reservation.bytes = bytes;
  *reservation.size = bytes;
}

bool Arena::contains(const void* data, std::size_t bytes) const {
  const auto* address = static_cast<const std::byte*>(data);
  return address >= base_ + begin_ && address <= base_ + end_ &&
         bytes <= static_cast<std::size_t>(base_ + end_ - address);
}

bool Arena::is_held(std::span<const std::byte> memory) const {
  const auto window = reinterpret_cast<std::uintptr_t>(base_);
  const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
  const std::uintptr_t from = std::max(first, window);
  const std::uintptr_t to = std::min(first + memory.size(), window + end_);
  if (from >= to) return true;  // no byte of it is the window's
  if (from < window + begin_) return false;
  const std::scoped_lock lock(mutex_);
  const auto behind = free_.lower_bound(to - window);
  if (behind == free_.begin()) return true;
  const auto& [offset, bytes] = *std::prev(behind);
  return window + offset + bytes <= from;
}

std::size_t Arena::offset_of(const void* data) const {
  return static_cast<std::size_t>(static_cast<const std::byte*>(data) - base_);
}

void Arena::release(std::size_t offset, std::size_t bytes) noexcept {
  if (process_.is_inherited()) return;  // the lock may be held by a thread that the copy does not have
  const std::scoped_lock lock(mutex_);
  auto next = free_.lower_bound(offset);
  if (next != free_.end() && next->first == offset + bytes) {
    bytes += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == offset) {
      before->second += bytes;
      return;
    }
  }
  free_.emplace_hint(next, offset, bytes);
}

}  // namespace crossdock::engine
