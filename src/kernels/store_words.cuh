// A small struct to another rank, as few packets.
#pragma once

namespace crossdock::kernels {

/// A lane a word of the struct.
template <typename Word, typename Struct>
__device__ __forceinline__ void store_words(Struct& to, const Struct& from, int lane) {
  static_assert(sizeof(Struct) % sizeof(Word) == 0 && sizeof(Struct) / sizeof(Word) <= 32);
  if (lane < static_cast<int>(sizeof(Struct) / sizeof(Word))) {
    reinterpret_cast<Word*>(&to)[lane] = reinterpret_cast<const Word*>(&from)[lane];
  }
}

}  // namespace crossdock::kernels
