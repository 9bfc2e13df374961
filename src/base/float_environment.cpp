#include "base/float_environment.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// Neither function is inline: no arithmetic of the caller moves over a call that may read and write all memory.

namespace crossdock::base {

#if defined(__x86_64__)

// All of our arithmetic is SSE and AVX, which MXCSR alone rules. Reading it twice takes 2.4 ns, writing another value
// 13; fegetenv and fesetenv, which move the x87 environment too, take 164 ns together (2-core Xeon). So it is written
// only where it has to change.
namespace {
constexpr std::uint32_t kFlags = 0x3F;
constexpr std::uint32_t kDefault = 0x1F80;  // every exception masked, to nearest even, no FTZ, no DAZ
}  // namespace

FloatEnvironment::FloatEnvironment() : saved_(_mm_getcsr()) {
  if ((saved_ & ~kFlags) != kDefault) _mm_setcsr(kDefault);
}

FloatEnvironment::~FloatEnvironment() {
  if (_mm_getcsr() != saved_) _mm_setcsr(saved_);
}

#else

// arm64's default environment clears FPCR, with it FZ, FZ16 and DN.
FloatEnvironment::FloatEnvironment() {
  std::fegetenv(&saved_);
  std::fesetenv(FE_DFL_ENV);
}

FloatEnvironment::~FloatEnvironment() { std::fesetenv(&saved_); }

#endif

}  // namespace crossdock::base
