#include "engine/held_memory.hpp"

#include <fmt/format.h>

namespace crossdock::engine {

void check_held(const Arena& arena, const core::Caller& caller, std::span<const core::Named> tensors) {
  for (const auto& [what, tensor] : tensors) {
    if (arena.is_held(core::extent_of(tensor))) continue;
    core::reject(caller, what, "memory that is held",
                 fmt::format("{} in window memory that was given back", describe(tensor)));
  }
}

}  // namespace crossdock::engine
