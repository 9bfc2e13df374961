// Memory that is made apart from its addresses: files of the operating system, mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace crossdock::emulator {

/// Of one device. Mappings keep the bytes alive after it.
class PhysicalMemory {
 public:
  /// All begin as zeros; a GPU's may be anything. Null where the system refuses.
  static std::shared_ptr<PhysicalMemory> make(std::size_t bytes, int device);
  /// The memory of another handle's file, which stays the caller's. Null where it is no such file.
  static std::shared_ptr<PhysicalMemory> open(int file, int device);

  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;
  ~PhysicalMemory();

  std::size_t bytes() const { return bytes_; }
  int device() const { return device_; }
  int file() const { return file_; }
  /// A file for the caller to close; -1 where the system refuses.
  int duplicate_file() const;

 private:
  PhysicalMemory(int file, std::size_t bytes, int device) : file_(file), bytes_(bytes), device_(device) {}

  int file_;
  std::size_t bytes_;
  int device_;
};

/// Reserved and mapped ranges of this process. Each function is false where the ranges do not fit. Threads share it.
class AddressSpace {
 public:
  static AddressSpace& of_process();

  /// 0 where the system refuses.
  std::uintptr_t reserve(std::size_t bytes, std::size_t alignment);
  bool free(std::uintptr_t begin, std::size_t bytes);
  /// Nobody may touch it before set_access.
  bool map(std::uintptr_t begin, std::size_t bytes, const PhysicalMemory& memory);
  bool unmap(std::uintptr_t begin, std::size_t bytes);
  bool set_access(std::uintptr_t begin, std::size_t bytes, int protection);

 private:
  using Ranges = std::map<std::uintptr_t, std::size_t>;  ///< begin, bytes

  static bool is_in(const Ranges& ranges, std::uintptr_t begin, std::size_t bytes);
  static bool touches(const Ranges& ranges, std::uintptr_t begin, std::size_t bytes);

  std::mutex mutex_;
  Ranges reserved_;
  Ranges mapped_;
};

}  // namespace crossdock::emulator
