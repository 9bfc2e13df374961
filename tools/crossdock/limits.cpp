#include "limits.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace crossdock::tools {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// By stores that pass the caches, as the library writes large results: memory does not read a line before it is
/// overwritten. memcpy does the same from a size on that differs between machines.
void copy_streaming(std::byte* to, const std::byte* from, std::size_t bytes) {
#if defined(__SSE2__)
  constexpr std::size_t kStep = sizeof(__m128i);
  const std::size_t head = std::min((kStep - reinterpret_cast<std::uintptr_t>(to) % kStep) % kStep, bytes);
  std::memcpy(to, from, head);
  std::size_t at = head;
  for (; at + kStep <= bytes; at += kStep) {
    const __m128i value = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + at), value);
  }
  _mm_sfence();
  std::memcpy(to + at, from + at, bytes - at);
#else
  std::memcpy(to, from, bytes);
#endif
}

}  // namespace

std::size_t copy_bytes(std::int64_t last_level_bytes, std::int64_t operation_bytes, int num_ranks) {
  constexpr std::int64_t kSmallest = std::int64_t{64} << 10;
  const std::int64_t most = std::max(static_cast<std::int64_t>(kLeastCopyBytes), 5 * last_level_bytes / num_ranks);
  const std::int64_t half = operation_bytes / 2 / num_ranks;  // a copy reads as much as it writes
  return static_cast<std::size_t>(std::clamp(half, kSmallest, most));
}

std::size_t copies_of_round(std::size_t bytes) { return std::max<std::size_t>(kLeastCopyBytes / bytes, 1); }

void measure_copies(Rendezvous& rendezvous, std::size_t bytes, std::span<CopyTime> times) {
  const std::vector<std::byte> source(bytes, std::byte{1});
  std::vector<std::byte> target(bytes, std::byte{2});
  bool streaming = false;
  for (CopyTime& time : times) {
    rendezvous.wait();
    time.begin = now_seconds();
    for (std::size_t copy = 0; copy < copies_of_round(bytes); ++copy) {
      if (streaming) {
        copy_streaming(target.data(), source.data(), bytes);
      } else {
        std::memcpy(target.data(), source.data(), bytes);
      }
      // the copy has a reader, so it cannot be left out
      asm volatile("" : : "r"(target.data()) : "memory");
    }
    time.end = now_seconds();
    streaming = !streaming;
  }
}

}  // namespace crossdock::tools
