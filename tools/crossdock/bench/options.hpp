// What `crossdock bench` is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crossdock/types.hpp"

namespace crossdock::tools::bench {

struct BenchOptions {
  int nodes = 1;
  int ranks_per_node = 4;
  std::int64_t tokens = 0;  ///< of each rank; 0 = 4096 in throughput mode, 128 in latency mode
  int hidden = 7168;
  int top_k = 8;
  int experts = 256;
  int groups = 1;
  int topk_groups = 1;
  std::string mode = "throughput";  ///< throughput, latency or both
  std::string dtype = "fp8";        ///< fp8 (quantised inside dispatch from bf16), bf16, fp16 or fp32
  std::string layout = "flat";      ///< of throughput mode: flat or contiguous
  std::string routing;  ///< uniform, zipf:A, khot:K, gate or FILE.npy; empty = gate with groups, else uniform
  int iterations = 0;   ///< 0 = 10 on the CPU, 40 on GPUs
  int warmup = 2;
  std::uint64_t seed = 1;
  bool threads = false;
  std::int64_t deadline_ms = 100'000;  ///< of every wait of the library
  std::string json;                    ///< file to write; empty = none
  bool verify = true;
  std::string backend = "cpu";  ///< auto, cpu or cuda
  bool ready = false;           ///< GPUs, fp8: x is fp8 with scales before dispatch
  std::vector<int> sms;  ///< GPUs: SMs of a call, one measurement each; empty = 8, 16, 24 (latency mode: the group's)

  int num_ranks() const { return nodes * ranks_per_node; }
  int iterations_on(Backend where) const {
    if (iterations > 0) return iterations;
    return where == Backend::kCuda ? 40 : 10;
  }
};

/// Two nodes of four ranks, the shapes of DeepSeek-V3, both modes one after the other.
BenchOptions demo_options();

/// What the demo runs on: without GPUs on the CPU, five calls unless others are asked for; with GPUs on one node, a
/// rank a GPU, or four threads that share the only one.
void fit_demo(int num_gpus, BenchOptions& options);

/// Throws Error (what, expected, got).
void validate(const BenchOptions& options);

}  // namespace crossdock::tools::bench
