// The send half of dispatch: rows of x, quantised on the way where asked, straight into the peers' memory.
#pragma once

#include <cstdint>
#include <span>

#include "core/layout/wire_layout.hpp"
#include "core/routing/route.hpp"
#include "cpu/fast/workers.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::cpu {

/// Where this source's rows for one rank go: the rows from first_row on of the block.
struct RowTarget {
  core::WireBlock block;
  std::int64_t first_row = 0;
};

struct StoreRowsJob {
  const DispatchInput* input = nullptr;
  const core::Route* route = nullptr;
  Quantize quantize = Quantize::kNone;
  DType wire_idx_dtype = DType::kInt32;
  core::WireShape shape;
  std::span<const RowTarget> targets;  ///< [R]; a rank that gets no row is not looked at
};

/// Tokens in order, so that a row of x is read, and quantised, once. Large jobs store past the caches.
void store_rows(const StoreRowsJob& job, Workers& workers);

}  // namespace crossdock::cpu
