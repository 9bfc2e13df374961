// Tensors of a call that lie in the own window lie in memory that a result or an allocation still holds: any other may
// be what the call itself takes.
#pragma once

#include <span>

#include "core/contract/overlap.hpp"
#include "engine/arena.hpp"

namespace crossdock::engine {

/// Before the call reserves anything. Throws InvalidArgument. Tensors passed core::check_shape.
void check_held(const Arena& arena, const core::Caller& caller, std::span<const core::Named> tensors);

}  // namespace crossdock::engine
