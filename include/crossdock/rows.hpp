// Rows of a dispatch result: which are an expert's, and which token of which rank each one is.
//
// The functions read tensors of the result in host memory: one of the CPU backend, or a copy of a GPU's in which
// device_num_rows is not given. They throw Error(kInvalidArgument) where the result has not the layout that they need,
// or a number is out of range.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crossdock/experts.hpp"
#include "crossdock/operations.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock {

/// Consecutive rows. Rows of kExpertPadded are counted through all experts: expert * (R * T_max) + row of the expert.
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t count = 0;

  std::int64_t end() const { return begin + count; }
};

/// kExpertContiguous, kExpertPadded: the rows of a local expert that hold tokens. Padding behind them is not counted.
RowRange rows_of_expert(const DispatchResult& result, int expert);

/// kExpertContiguous, kExpertPadded: those of them that came from one rank, in the order of its tokens.
RowRange rows_from(const DispatchResult& result, int expert, int source);

/// A row's origin; all -1 where no token is behind it.
struct RowSource {
  int expert = -1;          ///< local expert; -1 in kFlat, whose rows may be for several
  int rank = -1;            ///< source rank
  std::int64_t token = -1;  ///< row of x at its source
  int k = -1;               ///< kExpertContiguous: which selection of the token; -1 in the others

  bool operator==(const RowSource&) const = default;
};

/// By row: [n] in kExpertContiguous, padding included; [E_local * R * T_max] in kExpertPadded.
std::vector<RowSource> row_sources(const DispatchResult& result);

/// The same for kFlat, whose result does not say it: by row of the result of rank `receiver`, from what all ranks asked
/// for. `topk_idx` by source rank: int32 or int64 [T, K], dense, as at dispatch; not given for a masked rank.
std::vector<RowSource> flat_row_sources(std::span<const ConstTensorView> topk_idx, const ExpertPlacement& placement,
                                        int receiver);

}  // namespace crossdock
