// What ThreadSanitizer is told in builds with it (CROSSDOCK_EMULATED_RACES); nothing in others. Each CUDA thread is a
// thread to it (simt/timeline.hpp), and only what orders memory on a GPU orders them: what the emulator does to let
// them take turns has to stay out of its sight.
#pragma once

#if defined(CROSSDOCK_EMULATED_RACES)
#include <sanitizer/tsan_interface.h>

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
}
#endif

namespace crossdock::emulator {

#if defined(CROSSDOCK_EMULATED_RACES)

inline constexpr bool kFindsRaces = true;

/// What the calling thread reads and writes while one lives is no race. May be nested.
class UnseenAccesses {
 public:
  UnseenAccesses() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~UnseenAccesses() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  UnseenAccesses(const UnseenAccesses&) = delete;
  UnseenAccesses& operator=(const UnseenAccesses&) = delete;
};

/// The same, and no order comes of it.
class Unseen : UnseenAccesses {
 public:
  Unseen() { AnnotateIgnoreSyncBegin(__FILE__, __LINE__); }
  ~Unseen() { AnnotateIgnoreSyncEnd(__FILE__, __LINE__); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};

/// What the calling thread has done and seen is before what those do who observe the same address later.
inline void publish(const void* address) { __tsan_release(const_cast<void*>(address)); }
inline void observe(const void* address) { __tsan_acquire(const_cast<void*>(address)); }

/// An access that does not race with others of its kind, only with plain ones.
template <typename Word>
void touch_atomically(const Word* word) {
  __atomic_load_n(word, __ATOMIC_RELAXED);
}

#else

inline constexpr bool kFindsRaces = false;

class UnseenAccesses {
 public:
  UnseenAccesses() {}
  ~UnseenAccesses() {}
  UnseenAccesses(const UnseenAccesses&) = delete;
  UnseenAccesses& operator=(const UnseenAccesses&) = delete;
};

class Unseen : UnseenAccesses {};

inline void publish(const void* /*address*/) {}
inline void observe(const void* /*address*/) {}
template <typename Word>
void touch_atomically(const Word* /*word*/) {}

#endif

}  // namespace crossdock::emulator
