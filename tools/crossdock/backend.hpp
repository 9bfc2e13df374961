// Which backend --backend means.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "crossdock/config.hpp"
#include "crossdock/world.hpp"
#include "gpu/device.hpp"

namespace crossdock::tools {

/// Ranks that are threads may share a GPU; so many on each.
inline constexpr int kMaxRanksOfDevice = 8;

/// Who is to run. 0 ranks: as many as fit.
struct WantedRanks {
  int num_ranks = 0;
  int num_nodes = 1;
  bool threads = false;
};

/// Why GPUs cannot serve them; empty where they can. A rank that is a process needs a GPU of its own.
std::string cuda_obstacle(const WantedRanks& wanted);

inline constexpr const char* kBackendHelp =
    "auto (cuda where it is built, GPUs are here and ranks fit them), cpu or cuda";
std::vector<std::string> backend_words();

/// Of "auto" (CUDA where nothing stands in its way), "cpu" or "cuda". Throws Error where the word is another, or where
/// CUDA is wanted and cannot be.
Backend choose_backend(const std::string& word, const WantedRanks& wanted);

/// What CUDA reads when it starts: to be called before the first use of a GPU, while there is one thread.
void prepare_cuda();

/// Rank r's own of the visible GPUs, with so much memory for the program itself; nothing on the CPU.
std::unique_ptr<gpu::Device> open_device(Backend backend, const World& world, std::size_t memory_bytes);

/// Sets backend and device, and lowers num_sms, where it is given, so that all ranks of this GPU fit it together.
void put_on_device(const gpu::Device* device, int num_ranks, GroupConfig& config);

}  // namespace crossdock::tools
