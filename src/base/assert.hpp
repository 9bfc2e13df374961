// Invariants of the library itself; they stay on in every build. Wrong input is an Error, not an assertion.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CROSSDOCK_ASSERT(condition)                                                                     \
  do {                                                                                                  \
    if (!(condition)) {                                                                                 \
      std::fprintf(stderr, "crossdock: %s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                     \
    }                                                                                                   \
  } while (false)
