// crossdock check --repetitions: many calls of one shape on GPUs, compared by hash.
#pragma once

#include <cstdint>
#include <string>

namespace crossdock::tools::check {

struct RepeatOptions {
  std::uint64_t seed = 1;
  std::int64_t repetitions = 10'000;
  std::string backend = "auto";
  int ranks = 0;  ///< 0 = one a GPU
  bool threads = true;
  bool processes = true;
  bool graph = false;  ///< a captured graph is replayed
};

/// Prints a line for every layout, dtype and kind of size. Returns the exit code: 1 where a rank failed or a repetition
/// differed. Throws Error where GPUs cannot serve the ranks.
int run_repeat(const RepeatOptions& options);

}  // namespace crossdock::tools::check
