// Throughput dispatch: call -> reply (the credit) -> rows into their final slots.
#pragma once

#include "engine/dispatch.hpp"

namespace crossdock::engine {

void send_throughput(PendingDispatchState& state, const DispatchInput& input);
void receive_throughput(PendingDispatchState& state);

}  // namespace crossdock::engine
