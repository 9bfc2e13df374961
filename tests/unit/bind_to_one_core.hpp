// Affinity as a launcher sets it.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

namespace crossdock::test {

/// Binds the calling thread to the first core that it may use. For threads that end with the test.
inline void bind_to_one_core() {
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int core = 0;
  while (CPU_ISSET(core, &allowed) == 0) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
}

}  // namespace crossdock::test
