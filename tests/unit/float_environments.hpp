// Floating-point environments that a caller may have set.
#pragma once

#if defined(__x86_64__)

#include <xmmintrin.h>

#include <array>
#include <cstdint>
#include <ostream>

namespace crossdock::test {

struct NamedEnvironment {
  const char* name;
  std::uint32_t mxcsr;

  friend void PrintTo(const NamedEnvironment& environment, std::ostream* out) { *out << environment.name; }
};

/// Beside the default: what libraries built with -ffast-math set for the whole process, each rounding mode, every
/// exception trapped.
inline constexpr std::array<NamedEnvironment, 5> kEnvironments{{
    {"subnormals flushed to zero", 0x9FC0},
    {"rounded down", 0x3F80},
    {"rounded up", 0x5F80},
    {"rounded toward zero, subnormals flushed", 0xFFC0},
    {"exceptions trapped", 0x0000},
}};

/// This thread's while it lives. What the environment is at its end must be what it was at its start, flags and all.
class UnderEnvironment {
 public:
  explicit UnderEnvironment(const NamedEnvironment& environment) : mxcsr_(environment.mxcsr), before_(_mm_getcsr()) {
    _mm_setcsr(mxcsr_);
  }
  ~UnderEnvironment() { _mm_setcsr(before_); }
  UnderEnvironment(const UnderEnvironment&) = delete;
  UnderEnvironment& operator=(const UnderEnvironment&) = delete;

  bool is_as_set() const { return _mm_getcsr() == mxcsr_; }

 private:
  std::uint32_t mxcsr_;
  std::uint32_t before_;
};

}  // namespace crossdock::test

#endif
