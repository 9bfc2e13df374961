// What SIMD does to one row: compiled for SSE4, AVX2 and AVX-512, the best one chosen at run time. Every target gives
// the bits of core/numeric.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crossdock/types.hpp"

namespace crossdock::cpu {

/// Copies `bytes` (a multiple of 16) to every output. Streaming: past the caches, where outputs are aligned to a
/// vector; order_streamed_stores has to follow.
void copy_row(const std::byte* row, std::size_t bytes, std::span<std::byte* const> outs, bool stream);

/// A job that stores less than this stays in the caches, where its reader finds it.
inline constexpr std::size_t kStreamFromBytes = std::size_t{4} << 20;

/// Makes this thread's streamed stores visible before its later stores.
void order_streamed_stores();

/// core::quantize_row for bf16 and fp32 rows, to every output at once; `stream` as in copy_row. Scale words go to
/// `scales`.
void quantize_row_simd(const void* row, DType dtype, int hidden, Quantize quantize, std::span<std::byte* const> outs,
                       void* scales, bool stream);

/// A row to add, and what follows it in the reduction tree.
struct SumTerm {
  const std::byte* row = nullptr;
  float weight = 1.0F;
  bool ends_rank = true;  ///< the rank's sum is complete: round it to the wire type, add it to the node's
  bool ends_node = true;  ///< kHierarchical: the node's sum is complete: round it, add it to the total
};

/// One token of combine. Rows, biases and results are bf16 or fp32.
struct SumJob {
  std::span<const SumTerm> terms;
  bool weighted = false;
  bool per_selection = false;  ///< every row is rounded, weighted and added to the total
  bool hierarchical = false;
  DType row_dtype = DType::kBf16;
  DType wire_dtype = DType::kBf16;
  DType out_dtype = DType::kBf16;
  DType bias0_dtype = DType::kBf16;
  DType bias1_dtype = DType::kBf16;
  const std::byte* bias0 = nullptr;  ///< a row of it, or none
  const std::byte* bias1 = nullptr;
  std::byte* out = nullptr;
  std::size_t hidden = 0;  ///< at least float_lanes()
  bool stream = false;     ///< the result goes past the caches where it is aligned; order_streamed_stores has to follow
};

void sum_rows_simd(const SumJob& job);

/// fp32 values of a vector of the target that serves.
std::size_t float_lanes();

/// "AVX3", ...: the target that serves.
const char* simd_target();

}  // namespace crossdock::cpu
