// Random numbers by counter: any value can be made again alone, without those before it.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace crossdock::tools {

/// The finaliser of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
constexpr std::uint64_t mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// One key of several numbers; their order counts.
constexpr std::uint64_t key_of(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t key = 0;
  for (const std::uint64_t part : parts) key = mix(key ^ part);
  return key;
}

/// Value `counter` of the stream `key`.
constexpr std::uint64_t draw(std::uint64_t key, std::uint64_t counter) {
  return mix(key + counter * 0xD1B54A32D192ED03ULL);
}

/// [0, 1), 24 bits.
constexpr float unit_float(std::uint64_t bits) { return static_cast<float>(bits >> 40) * 0x1p-24F; }
/// (0, 1), 52 bits.
constexpr double unit_double(std::uint64_t bits) { return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52; }

/// A stream read in order.
class Dice {
 public:
  explicit Dice(std::uint64_t key) : key_(key) {}

  std::uint64_t next() { return draw(key_, counter_++); }
  /// [low, high], both included. The bias of the remainder is below 2^-32 for every range used here.
  std::int64_t range(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  int range_int(int low, int high) { return static_cast<int>(range(low, high)); }
  bool chance(int percent) { return range(0, 99) < percent; }

  template <typename Value>
  Value pick(std::initializer_list<Value> values) {
    return values.begin()[range(0, static_cast<std::int64_t>(values.size()) - 1)];
  }

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace crossdock::tools
