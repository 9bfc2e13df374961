// Memory from mmap, unmapped with its owner.
#pragma once

#include <cstddef>
#include <span>

namespace crossdock::transport {

class Mapping {
 public:
  /// Zeros, private to the process, committed page by page. Throws Error(kSystem) that says how many bytes were asked.
  static Mapping anonymous(std::size_t bytes);
  /// The first bytes of a file, shared with whoever else maps it; committed like the file.
  static Mapping shared_file(int file, std::size_t bytes);

  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit Mapping(std::span<std::byte> bytes) : bytes_(bytes) {}
  static Mapping make(std::size_t bytes, int flags, int file);

  std::span<std::byte> bytes_;
};

/// The page size of this machine.
std::size_t page_bytes();

}  // namespace crossdock::transport
