// What the host learns of a call.
#pragma once

#include "device/port/terms.hpp"
#include "device/ptx/order.cuh"

namespace crossdock::device {

/// One thread. `result` without its tag and `failed`.
__device__ __forceinline__ void write_outcome(CallOutcome* outcome, const CallOutcome& result, std::uint64_t tag) {
  outcome->state = result.state;
  outcome->rank = result.rank;
  outcome->field = result.field;
  outcome->theirs = result.theirs;
  outcome->num_rows = result.num_rows;
  outcome->wire_rows = result.wire_rows;
  outcome->rows_needed = result.rows_needed;
  outcome->rows_taken = result.rows_taken;
  store_release_sys(&outcome->tag, tag);
  // Not counted: atomics on the host's memory need more than PCIe gives.
  if (result.state != CallState::kDone && outcome->failed != nullptr) store_release_sys(outcome->failed, 1);
}

}  // namespace crossdock::device
