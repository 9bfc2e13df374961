// One rank's part of a case: the calls, and the comparison of what they return.
#pragma once

#include <cstddef>

#include "check/material.hpp"
#include "crossdock/world.hpp"
#include "gpu/device.hpp"
#include "launch/rendezvous.hpp"

namespace crossdock::tools::check {

/// GPU memory that the program itself needs for a case.
inline constexpr std::size_t kDeviceBytes = std::size_t{1} << 30;

/// `device` is given where the case is for GPUs. Returns the bytes compared. Throws where something differs (after all
/// calls are made, so that the other ranks can finish), and whatever the library throws unexpectedly.
std::size_t run_rank(const Case& made, const World& world, Rendezvous& rendezvous, gpu::Device* device);

}  // namespace crossdock::tools::check
