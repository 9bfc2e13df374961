// What stands behind the handles that callers hold.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace crossdock::emulator {

/// No number comes twice in a process: a handle that is used after its end, or as one of another kind, finds nothing.
inline std::uintptr_t next_handle() {
  static std::atomic<std::uintptr_t> next{0x1000};
  return next++;
}

/// Threads share it. Objects live on while an operation that was put on a stream needs them.
template <typename Handle, typename Object>
class HandleTable {
 public:
  /// Never destroyed: other static objects may use it at the end of the process.
  static HandleTable& of_process() {
    static auto* const table = new HandleTable;
    return *table;
  }

  Handle add(std::shared_ptr<Object> object) {
    const std::uintptr_t number = next_handle();
    const std::scoped_lock lock(mutex_);
    objects_.emplace(number, std::move(object));
    if constexpr (std::is_pointer_v<Handle>) {
      return reinterpret_cast<Handle>(number);
    } else {
      return static_cast<Handle>(number);
    }
  }

  /// Null where there is none.
  std::shared_ptr<Object> find(Handle handle) const {
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(number_of(handle));
    return found == objects_.end() ? nullptr : found->second;
  }

  std::shared_ptr<Object> remove(Handle handle) {
    const std::scoped_lock lock(mutex_);
    auto node = objects_.extract(number_of(handle));
    return node.empty() ? nullptr : std::move(node.mapped());
  }

 private:
  static std::uintptr_t number_of(Handle handle) {
    if constexpr (std::is_pointer_v<Handle>) {
      return reinterpret_cast<std::uintptr_t>(handle);
    } else {
      return static_cast<std::uintptr_t>(handle);
    }
  }

  mutable std::mutex mutex_;
  std::map<std::uintptr_t, std::shared_ptr<Object>> objects_;
};

}  // namespace crossdock::emulator
