// A thread as ThreadSanitizer knows it: a sequence of accesses that nothing else is ordered with unless told so. Each
// CUDA thread has one, and whatever happens beside it: its bulk copies, its fences. Empty in builds without it.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "simt/races.hpp"

namespace crossdock::emulator {

class Grid;

#if defined(CROSSDOCK_EMULATED_RACES)

class Timeline {
 public:
  /// Made new or taken from one that is over, if possible of a kernel of this GPU that is complete: what is new then
  /// seems to come after what the old one has seen.
  explicit Timeline(const Grid& grid);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// For reports.
  void name(const std::string& name) { __tsan_set_fiber_name(handle_, name.c_str()); }

  void* handle() const { return handle_; }

  // The caller does it as this one, without an order between the two:
  void copy(void* to, const void* from, std::size_t bytes) const;
  void publish(const void* address) const;
  void observe(const void* address) const;

 private:
  std::weak_ptr<const Grid> grid_;
  const void* gpu_;
  void* handle_;
};

#else

class Timeline {
 public:
  explicit Timeline(const Grid& /*grid*/) {}
  void name(const std::string& /*name*/) {}
  void copy(void* to, const void* from, std::size_t bytes) const { std::memcpy(to, from, bytes); }
  void publish(const void* /*address*/) const {}
  void observe(const void* /*address*/) const {}
};

#endif

}  // namespace crossdock::emulator
