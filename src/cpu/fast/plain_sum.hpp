// One token of combine in plain code: for types and sizes that the SIMD kernels do not serve.
#pragma once

#include <memory>
#include <span>

#include "cpu/fast/reduce.hpp"
#include "cpu/fast/row_kernels.hpp"

namespace crossdock::cpu {

/// Keeps the scratch of one thread.
class PlainSum {
 public:
  explicit PlainSum(const ReduceJob& job);
  ~PlainSum();
  PlainSum(const PlainSum&) = delete;
  PlainSum& operator=(const PlainSum&) = delete;

  /// The token's row of y.
  void store(std::int64_t token, std::span<const SumTerm> terms);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace crossdock::cpu
