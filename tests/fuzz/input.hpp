// The bytes of a fuzzer, taken apart from the front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

namespace crossdock::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  std::span<const std::byte> rest() const { return std::as_bytes(rest_); }

  /// Zero bytes follow the last one, so that every input means something.
  std::uint64_t bits(int num_bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < num_bytes && !rest_.empty(); ++i) {
      value |= std::uint64_t{rest_.front()} << (8 * i);
      rest_ = rest_.subspan(1);
    }
    return value;
  }

  bool flag() { return (bits(1) & 1) != 0; }

  /// A number of [low, high], at most 255 apart.
  int between(int low, int high) { return low + static_cast<int>(bits(1)) % (high - low + 1); }

  template <typename Value, std::size_t count>
  Value one_of(const Value (&values)[count]) {
    return values[bits(1) % count];
  }

  /// The same, or a value that the enum does not have. Tells them apart by the one byte, as one_of does.
  template <typename Enum, std::size_t count>
  Enum any_of(const Enum (&values)[count]) {
    constexpr std::uint64_t kFirstUnknown = 0xC0;
    const std::uint64_t byte = bits(1);
    return byte < kFirstUnknown ? values[byte % count]
                                : static_cast<Enum>(byte == 0xFF ? byte : byte - kFirstUnknown + count);
  }

  /// Any number, those where overflow begins more often than others.
  template <typename Int>
  Int any() {
    using Unsigned = std::make_unsigned_t<Int>;
    switch (between(0, 4)) {
      case 0:
        return static_cast<Int>(bits(1));
      case 1:
        return static_cast<Int>(Unsigned{1} << (bits(1) % std::numeric_limits<Unsigned>::digits));
      case 2:
        return static_cast<Int>(std::numeric_limits<Int>::max() - static_cast<Int>(bits(1)));
      case 3:
        return static_cast<Int>(std::numeric_limits<Int>::min() + static_cast<Int>(bits(1)));
      default:
        return static_cast<Int>(bits(sizeof(Int)));
    }
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace crossdock::fuzz
