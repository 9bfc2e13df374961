// What `crossdock bench` is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crossdock/types.hpp"

namespace crossdock::tools::bench {

struct BenchOptions {
  int nodes = 1;
  int ranks_per_node = 0;   ///< 0 = 4, or as many as a launcher has started (fit_ranks)
  std::int64_t tokens = 0;  ///< of each rank; 0 = 4096 in throughput mode, 128 in latency mode
  int hidden = 7168;
  int top_k = 0;  ///< 0 = 8, or that of FILE.npy
  int experts = 256;
  int groups = 1;
  int topk_groups = 1;
  std::string mode = "throughput";  ///< throughput, latency or both
  std::string dtype = "fp8";        ///< fp8 (quantised inside dispatch from bf16), bf16, fp16 or fp32
  std::string layout;               ///< of throughput mode: flat or contiguous; empty = flat
  std::string routing;  ///< uniform, zipf:A, khot:K, gate or FILE.npy; empty = gate with groups, else uniform
  int iterations = 0;   ///< 0 = 10 on the CPU, 40 on GPUs
  int warmup = -1;      ///< -1 = 2 on the CPU, 6 on GPUs
  std::uint64_t seed = 1;
  bool threads = false;
  std::int64_t deadline_ms = 100'000;  ///< of every wait of the library
  std::string json;                    ///< file to write; empty = none
  bool verify = true;
  bool fit_memory = false;      ///< fewer tokens where the memory is short, instead of an error
  std::string backend = "cpu";  ///< auto, cpu or cuda
  bool ready = false;           ///< GPUs, fp8: x is fp8 with scales before dispatch
  std::vector<int> sms;  ///< GPUs: SMs of a call, one measurement each; empty = 8, 16, 24 (latency mode: the group's)

  int num_ranks() const { return nodes * ranks_per_node; }
  int iterations_on(Backend where) const {
    if (iterations > 0) return iterations;
    return where == Backend::kCuda ? 40 : 10;
  }
  int warmup_on(Backend where) const {
    if (warmup >= 0) return warmup;
    return where == Backend::kCuda ? 6 : 2;
  }
};

/// Two nodes of four ranks, the shapes of DeepSeek-V3, both modes one after the other.
BenchOptions demo_options();

/// Of one machine.
inline constexpr int kMostRanks = 1024;

/// Settles the number of ranks. `launched` is how many a launcher has started, 0 = none: then so many ranks are used,
/// and no others. Throws Error where the options ask for others.
void fit_ranks(int launched, BenchOptions& options);

/// What the demo runs on: without GPUs on the CPU, five calls unless others are asked for; with GPUs on one node, a
/// rank a GPU, or four threads that share the only one. With ranks of a launcher these, on two nodes where there are no
/// GPUs and their number is even.
void fit_demo(int num_gpus, int launched, BenchOptions& options);

/// Throws Error (what, expected, got).
void validate(const BenchOptions& options);

}  // namespace crossdock::tools::bench
