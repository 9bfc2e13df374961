// One token of combine in plain code: for types and sizes that the SIMD kernels do not serve.
#pragma once

#include <memory>
#include <span>

#include "cpu/fast/reduce.hpp"

namespace crossdock::cpu {

/// One row to be added; terms come in ascending (rank, k).
struct Term {
  int rank = 0;
  const std::byte* row = nullptr;
  float weight = 1.0F;
};

/// Keeps the scratch of one thread.
class PlainSum {
 public:
  explicit PlainSum(const ReduceJob& job);
  ~PlainSum();
  PlainSum(const PlainSum&) = delete;
  PlainSum& operator=(const PlainSum&) = delete;

  /// The token's row of y.
  void store(std::int64_t token, std::span<const Term> terms);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace crossdock::cpu
