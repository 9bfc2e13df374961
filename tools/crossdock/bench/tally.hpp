// Bytes compared, and how many were wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace crossdock::tools::bench {

class Tally {
 public:
  void compare(std::string_view what, const void* got, const void* expected, std::size_t bytes);
  void compare_number(std::string_view what, std::int64_t got, std::int64_t expected);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t differences() const { return differences_; }
  /// Of the first wrong byte; empty where there is none.
  const std::string& first() const { return first_; }

 private:
  std::uint64_t bytes_ = 0;
  std::uint64_t differences_ = 0;
  std::string first_;
};

}  // namespace crossdock::tools::bench
