// Latency dispatch: rows and counts go at once into static areas; the receiver packs them.
#pragma once

#include "engine/dispatch.hpp"

namespace crossdock::engine {

/// Outputs have a static shape: they are reserved before anything is sent. Throws WindowTooSmall.
void reserve_latency(PendingDispatchState& state);
void send_latency(PendingDispatchState& state, const DispatchInput& input);
void receive_latency(PendingDispatchState& state);

}  // namespace crossdock::engine
