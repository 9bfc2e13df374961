// A stream that stands still for a while.
#pragma once

#include <cuda_runtime_api.h>

namespace crossdock::micro {

/// What is queued behind it starts without waiting for the host. It ends by itself: a stream held by the host would
/// wait for ever where a launch behind it has to load its kernel first.
void launch_pause(int microseconds, cudaStream_t stream);

}  // namespace crossdock::micro
