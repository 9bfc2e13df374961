// Random cases of `crossdock check` as tests: plain and under the sanitizers.
#pragma once

#include <cstdint>

namespace crossdock::tools::check {

/// Sanitizers slow a case down by ten; the program runs 500 cases in CI besides.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::int64_t kNumCases = 25;
#else
inline constexpr std::int64_t kNumCases = 100;
#endif

}  // namespace crossdock::tools::check
