// Latency dispatch on a GPU: send writes to static areas, receive expands them.
#pragma once

#include "engine/cuda/dispatch.hpp"

namespace crossdock::engine::cuda {

/// Throws InvalidArgument where all slots are in flight. Every rank finds that for itself: there is no slot left to
/// tell the others.
void check_free_slot(const CudaContext& context);
void reserve_latency(PendingDispatch& state);
void send_latency(PendingDispatch& state);
void receive_latency(PendingDispatch& state, bool directly);
void reject_latency(CudaContext& context, const Launch& launch, const device::Terms& terms);

}  // namespace crossdock::engine::cuda
