// Launches the kernels of latency mode. A latency combine is launch_gather (kSource) and launch_latency_sum.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/latency/latency_args.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// Loads the kernels on the current device: a first use may wait for a kernel that waits for this rank.
LoadedKernels load_latency();

/// At most num_sms blocks each. Asynchronous; all throw Error where the shape is out of range or the launch fails.
/// A send and its receive are launched once a call on every live rank, also for a call that the rank rejected itself.
/// Before the first call of an epoch all bytes of the areas are kEmptyByte, and LatencyBoard::released holds the tag
/// that all channels hold.
void launch_latency_send(const LatencySendArgs& args, int num_sms, cudaStream_t stream);
void launch_latency_receive(const LatencyReceiveArgs& args, int num_sms, cudaStream_t stream);
void launch_latency_sum(const LatencySumArgs& args, int num_sms, cudaStream_t stream);

}  // namespace crossdock::kernels
