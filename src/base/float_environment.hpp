// The floating-point environment that the contract's arithmetic is computed in, whatever the caller has set.
#pragma once

#include <cstdint>

#if !defined(__x86_64__)
#include <cfenv>
#endif

namespace crossdock::base {

/// While it lives this thread rounds to nearest even, keeps subnormal numbers (no flush-to-zero, no
/// denormals-are-zero) and raises no signal for an exception that the caller traps. The destructor puts back what was
/// there, exception flags included: the caller sees none of the flags that are raised in between.
/// Threads inherit what their creator has: a thread of our own makes one when it starts.
class FloatEnvironment {
 public:
  FloatEnvironment();
  ~FloatEnvironment();
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  std::uint32_t saved_;
#else
  std::fenv_t saved_;
#endif
};

}  // namespace crossdock::base
