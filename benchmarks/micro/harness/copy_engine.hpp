// What the copy engines move between two GPUs, both directions at once: the limit that kernels are measured by.
#pragma once

namespace crossdock::micro {

/// GB/s a direction, devices 0 and 1; peer access is switched on for both.
double copy_engine_rate();

}  // namespace crossdock::micro
