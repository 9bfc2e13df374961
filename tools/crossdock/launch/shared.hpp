// Memory that forked ranks and their parent share.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>

namespace crossdock::tools {

/// Zeroed anonymous memory that survives fork as one copy. Throws Error (kSystem).
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes);
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// `count` values that begin as zero bytes.
template <typename Value>
  requires std::is_trivially_copyable_v<Value>
class SharedArray {
 public:
  explicit SharedArray(std::size_t count) : memory_(count * sizeof(Value)), count_(count) {}

  Value& operator[](std::size_t index) { return static_cast<Value*>(memory_.data())[index]; }
  const Value& operator[](std::size_t index) const { return static_cast<const Value*>(memory_.data())[index]; }
  std::size_t size() const { return count_; }

 private:
  SharedMemory memory_;
  std::size_t count_;
};

}  // namespace crossdock::tools
