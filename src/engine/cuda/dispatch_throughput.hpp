// Throughput dispatch on a GPU: routing and dispatch are launched by send; receive expands where the layout asks for
// it.
#pragma once

#include "engine/cuda/dispatch.hpp"

namespace crossdock::engine::cuda {

/// Room for the source's routing, for what arrives and for what lies beside it; makes rows FP8 where that is asked for.
void reserve_throughput(PendingDispatch& state);
void send_throughput(PendingDispatch& state);
void receive_throughput(PendingDispatch& state);
/// Takes part in a call that this rank rejects. Reserves nothing.
void reject_throughput(CudaContext& context, const Launch& launch, const device::Terms& terms);

}  // namespace crossdock::engine::cuda
