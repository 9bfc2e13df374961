// g++ calls these before accesses to volatile objects (tsan-distinguish-volatile). In device code such an access is
// relaxed (PTX ISA, "ld.volatile"): it races with plain ones only.
#include <cstdint>

#include "simt/races.hpp"

#if defined(CROSSDOCK_EMULATED_RACES)

// A write that changes nothing stands for the one to come.
#define CROSSDOCK_VOLATILE(bytes, Word)                                                                          \
  extern "C" void __tsan_volatile_read##bytes(const Word* word) { crossdock::emulator::touch_atomically(word); } \
  extern "C" void __tsan_volatile_write##bytes(Word* word) { __atomic_fetch_add(word, Word{0}, __ATOMIC_RELAXED); }

CROSSDOCK_VOLATILE(1, std::uint8_t)
CROSSDOCK_VOLATILE(2, std::uint16_t)
CROSSDOCK_VOLATILE(4, std::uint32_t)
CROSSDOCK_VOLATILE(8, std::uint64_t)

#endif
