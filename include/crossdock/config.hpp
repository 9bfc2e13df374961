// What a group is made for, and the memory that takes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "crossdock/types.hpp"

namespace crossdock {

/// Largest top-k.
inline constexpr int kMaxTopK = 32;

/// The same on every rank (checked when the group is made).
struct GroupConfig {
  int num_experts = 0;           ///< E; placed contiguously: the first E % R ranks hold one more
  int top_k = 8;                 ///< largest K of any call, at most kMaxTopK
  int hidden = 0;                ///< largest H of any call
  int max_tokens = 0;            ///< largest T of a throughput call on any rank; 0 = no throughput mode
  int latency_max_tokens = 0;    ///< T_max of latency mode, fixes its shapes; 0 = no latency mode
  int ranks_per_node = 0;        ///< 0 = all ranks are one node; else it divides the number of ranks
  int element_bytes = 2;         ///< largest element of x and of combine's rows: 2, or 4 for fp32
  bool expert_layout = true;     ///< room for kExpertContiguous; false = throughput calls are kFlat only
  int expert_alignment = 1;      ///< largest expert_alignment of any call
  int latency_slots = 2;         ///< latency dispatches that may be in flight together, at least 2
  int live_results = 2;          ///< dispatch results, with a combine input and output each, alive at once
  std::size_t window_bytes = 0;  ///< 0 = required_bytes().window; less is allowed where routing is known to be mild
  Backend backend = Backend::kCpu;
  int device = -1;  ///< kCuda: this rank's GPU; -1 = the calling thread's. May differ between ranks
  /// kCuda: SMs that a throughput call takes; 0 = 24, or this rank's share of its GPU where ranks share one and it is
  /// less. Ranks that share a GPU take no more than it has together. May differ between ranks.
  int num_sms = 0;
  /// kCpu: threads of a rank; 0 = the cores that it may use (affinity, CPU quota of its control groups) / the ranks
  /// that share any of them, at least 1. May differ between ranks.
  int num_threads = 0;
  /// Of every wait; more than 0, milliseconds::max() = no limit. Group::set_deadline changes it.
  std::chrono::milliseconds deadline{100'000};
};

/// Bytes of one rank's window, and its parts. Memory is reserved, and committed page by page as it is used.
struct RequiredBytes {
  std::size_t control = 0;    ///< messages between ranks
  std::size_t latency = 0;    ///< static receive areas of latency mode
  std::size_t results = 0;    ///< worst case of live_results results: outputs, combine input and output
  std::size_t window = 0;     ///< the sum: what GroupConfig::window_bytes = 0 means
  std::size_t signals = 0;    ///< signal words, beside the window
  std::size_t all_ranks = 0;  ///< (window in whole pages + signals) x num_ranks
};

/// Pure: asks nothing of the machine. Throws Error where the configuration is not valid.
RequiredBytes required_bytes(const GroupConfig& config, int num_ranks);

/// Memory that may still be taken, and what says so: "MemAvailable", or the file of the control group whose limit is
/// tighter.
struct FreeMemory {
  std::int64_t bytes = 0;
  std::string bound = {};
};

/// Of this process and the others that share its limits: the machine's available memory, or less where its control
/// group or one above it (a container, a batch job) allows less. A window takes it page by page as it is used.
FreeMemory free_memory();

}  // namespace crossdock
