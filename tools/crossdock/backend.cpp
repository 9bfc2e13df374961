#include "backend.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "command_line/words.hpp"
#include "crossdock/error.hpp"
#include "environment.hpp"

namespace crossdock::tools {

std::string cuda_obstacle(const WantedRanks& wanted) {
  if (!gpu::is_built()) return "this program was built without CUDA";
  const int devices = gpu::count_devices();
  if (devices == 0) return "CUDA shows no GPU";
  if (wanted.num_nodes > 1) return fmt::format("GPUs serve one node, not {}", wanted.num_nodes);
  const int room = wanted.threads ? devices * kMaxRanksOfDevice : devices;
  if (wanted.num_ranks <= room) return {};
  return fmt::format("{} ranks as {} do not fit {} GPUs", wanted.num_ranks, wanted.threads ? "threads" : "processes",
                     devices);
}

std::vector<std::string> backend_words() { return {"auto", "cpu", "cuda"}; }

Backend choose_backend(const std::string& word, const WantedRanks& wanted) {
  require_word("--backend", backend_words(), word);
  if (word == "cpu") return Backend::kCpu;
  const std::string obstacle = cuda_obstacle(wanted);
  if (obstacle.empty()) return Backend::kCuda;
  if (word == "cuda") throw Error(ErrorCode::kInvalidArgument, fmt::format("--backend cuda: {}", obstacle));
  return Backend::kCpu;
}

// Ranks on one GPU wait for one another in kernels: two of their streams must not share a hardware queue.
void prepare_cuda() { set_where_unset("CUDA_DEVICE_MAX_CONNECTIONS", "32"); }

std::unique_ptr<gpu::Device> open_device(Backend backend, const World& world, std::size_t memory_bytes) {
  if (backend == Backend::kCpu) return nullptr;
  return std::make_unique<gpu::Device>(world.rank() % gpu::count_devices(), memory_bytes);
}

void put_on_device(const gpu::Device* device, int num_ranks, GroupConfig& config) {
  if (device == nullptr) return;
  const int devices = gpu::count_devices();
  const int ranks_here = (num_ranks + devices - 1) / devices;
  config.backend = Backend::kCuda;
  config.device = device->index();
  if (config.num_sms > 0) config.num_sms = std::clamp(device->num_sms() / ranks_here, 1, config.num_sms);
}

}  // namespace crossdock::tools
