// Shapes for many repetitions: several sets of inputs that differ in routing and data alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "check/plan.hpp"

namespace crossdock::tools::check {

/// What is repeated.
struct RepeatKind {
  Layout layout = Layout::kFlat;
  DType x = DType::kBf16;  ///< kFp8E4m3: ready, with scales
  Quantize quantize = Quantize::kNone;
  bool bounded = true;  ///< by max_recv_rows: the host does not wait. kExpertPadded always is

  std::string dtype() const;
  const char* rows() const;
};

/// All layouts, each with bf16, ready fp8 and fp8 made inside; exact sizes too where `exact`.
std::vector<RepeatKind> repeat_kinds(bool exact);

/// One round of kInputSets operations of the same shape. A function of its arguments alone.
inline constexpr int kInputSets = 16;
CasePlan plan_repetitions(std::uint64_t seed, int num_ranks, const RepeatKind& kind);

}  // namespace crossdock::tools::check
