// crossdock check: random cases against the reference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace crossdock::tools::check {

struct CheckOptions {
  std::uint64_t seed = 1;
  std::int64_t cases = 100;
  std::optional<std::int64_t> only = {};  ///< one case instead of [0, cases)
  bool threads = true;
  bool processes = true;
  std::string backend = "cpu";  ///< auto, cpu or cuda
  int ranks = 0;                ///< of every case; 0 = drawn
  std::string layout = {};      ///< of every operation: flat, contiguous or padded; empty = drawn
  bool mask_each_rank = false;  ///< every case once more without each rank in turn
  bool verbose = false;         ///< says what each case is before it is run
};

std::vector<std::string> layout_words();

/// Stops at the first case that fails. Returns the exit code.
int run_check(const CheckOptions& wanted);

}  // namespace crossdock::tools::check
