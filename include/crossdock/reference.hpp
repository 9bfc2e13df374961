// The oracle: the contract computed in the plainest way, for all ranks at once, in one thread.
// Every backend gives the same bits. Use it to test kernels and to check an integration.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crossdock/operations.hpp"

namespace crossdock::reference {

/// The group that a reference run stands for.
struct Problem {
  int num_ranks = 1;
  int ranks_per_node = 0;  ///< 0 = one node
  int num_experts = 0;
  int latency_max_tokens = 0;  ///< T_max: rows of kExpertPadded
  std::vector<int> live = {};  ///< live ranks, ascending; empty = all. Inputs of the others are ignored.
};

/// Bytes of one tensor with its shape.
struct Tensor {
  DType dtype = DType::kFp32;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  ///< in elements; row-major, except for column-major scales
  std::vector<std::byte> bytes;       ///< in stored order, gaps of the strides included

  /// Throws InvalidArgument where shape, strides and bytes do not fit one another.
  TensorView view();
  ConstTensorView view() const;
};

/// One rank's outputs; the same fields as DispatchResult. Memory past the last row (max_recv_rows), unused rows of
/// kExpertPadded and the gaps of column-major scales hold kPoison bytes: a backend must not write there.
struct Dispatched {
  std::int64_t num_rows = 0;
  Tensor x, scales, topk_weights, tokens_per_expert;
  Tensor topk_idx;
  Tensor expert_offsets, row_expert, source;
  Tensor source_count, source_begin, source_token;
  Traffic traffic;
};

/// The outputs as a group returns them, but without a handle: views that are valid while `dispatched` lives.
DispatchResult as_result(Dispatched& dispatched);

/// Fills memory that no backend may touch.
inline constexpr std::byte kPoison{0xA5};

/// `options` of every rank: they may differ in max_recv_rows only. Throws the Error that every rank would get.
/// A masked rank's entry is empty.
std::vector<Dispatched> dispatch(const Problem& problem, std::span<const DispatchInput> inputs,
                                 std::span<const DispatchOptions> options);

struct Combined {
  Tensor y, topk_weights;
  Traffic traffic;
};

/// `inputs` and `options` are those of the dispatch, `combines` those of combine, one a rank.
std::vector<Combined> combine(const Problem& problem, std::span<const DispatchInput> inputs,
                              std::span<const DispatchOptions> options, std::span<const CombineInput> combines,
                              const CombineOptions& combine_options);

}  // namespace crossdock::reference
