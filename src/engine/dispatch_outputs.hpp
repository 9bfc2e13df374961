// The tensors that dispatch returns.
#pragma once

#include <span>

#include "engine/dispatch.hpp"

namespace crossdock::engine {

/// Reserves the outputs that are not the wire block itself and makes their views. Throughput: counts are known.
void make_outputs(PendingDispatchState& state);

/// Fills them from the rows that have arrived, by source, and hands over the memory.
void finish_outputs(PendingDispatchState& state, std::span<const cpu::SourceRows> sources);

}  // namespace crossdock::engine
