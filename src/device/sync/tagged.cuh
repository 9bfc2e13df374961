// Values that carry the tag of their call in the same word, so that they need no signal, and no fence before one.
#pragma once

#include <cstdint>

#include "device/sync/wait.cuh"

namespace crossdock::device {

/// The lower half of the tag is enough: who starts an epoch clears such words, and every call writes those that it
/// reads.
__device__ __forceinline__ std::uint64_t tagged(std::uint64_t tag, std::uint32_t value) { return tag << 32 | value; }

struct TaggedWord {
  const std::uint64_t* word;
  std::uint64_t tag;

  __device__ std::uint64_t load() const { return load_relaxed_sys(word); }
  __device__ bool is_here(std::uint64_t value) const { return tag_of(value) == tag; }
  __device__ std::uint64_t tag_of(std::uint64_t value) const { return (tag >> 32 << 32) | value >> 32; }
};

/// The way that is taken rarely: out of line, as its code would be fetched with the rest.
__device__ __noinline__ inline bool await_late(const TaggedWord& word, std::uint64_t& loaded, const Awaited& awaited,
                                               const WaitLimit& limit) {
  return wait_until(word, loaded, awaited, limit);
}

/// A word that has been `loaded` before, so that several loads are in flight together; waits where that was too early.
__device__ __forceinline__ bool await_word(const TaggedWord& word, std::uint64_t& loaded, const Awaited& awaited,
                                           const WaitLimit& limit) {
  return word.is_here(loaded) || await_late(word, loaded, awaited, limit);
}

/// Its value. 0 where the wait gave up.
__device__ __forceinline__ std::uint32_t await_value(const TaggedWord& word, std::uint64_t loaded,
                                                     const Awaited& awaited, const WaitLimit& limit) {
  return await_word(word, loaded, awaited, limit) ? static_cast<std::uint32_t>(loaded) : 0;
}

}  // namespace crossdock::device
