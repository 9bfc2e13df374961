#include "engine/engine.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "base/float_environment.hpp"
#include "base/limits.hpp"
#include "base/memory_bound.hpp"
#include "core/contract/reject.hpp"
#include "engine/cpu_engine.hpp"
#include "transport/bootstrap/agreement.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#if CROSSDOCK_CUDA
#include "engine/cuda/cuda_engine.hpp"
#endif

namespace crossdock::engine {
namespace {

using Field = std::pair<const char*, std::int64_t>;

std::vector<Field> fields_of(const GroupConfig& config) {
  return {{"num_experts", config.num_experts},
          {"top_k", config.top_k},
          {"hidden", config.hidden},
          {"max_tokens", config.max_tokens},
          {"latency_max_tokens", config.latency_max_tokens},
          {"ranks_per_node", config.ranks_per_node},
          {"element_bytes", config.element_bytes},
          {"expert_layout", config.expert_layout ? 1 : 0},
          {"expert_alignment", config.expert_alignment},
          {"latency_slots", config.latency_slots},
          {"live_results", config.live_results},
          {"backend (0 cpu, 1 cuda)", static_cast<std::int64_t>(config.backend)},
          {"window_bytes", static_cast<std::int64_t>(config.window_bytes)}};
}

void compare_configs(const GroupConfig& config, const std::vector<std::vector<std::byte>>& gathered, int rank) {
  const std::vector<Field> mine = fields_of(config);
  for (std::size_t peer = 0; peer < gathered.size(); ++peer) {
    std::vector<std::int64_t> theirs(gathered[peer].size() / sizeof(std::int64_t));
    std::memcpy(theirs.data(), gathered[peer].data(), theirs.size() * sizeof(std::int64_t));
    const Report report{.operation = "group", .phase = "config", .rank = rank, .peer = static_cast<int>(peer)};
    if (theirs.size() != mine.size()) {
      throw Error(ErrorCode::kOptionsMismatch,
                  fmt::format("GroupConfig: rank {} has {} fields, rank {} has {}: different versions of the library?",
                              rank, mine.size(), peer, theirs.size()),
                  report);
    }
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (theirs[i] == mine[i].second) continue;
      throw Error(ErrorCode::kOptionsMismatch,
                  fmt::format("GroupConfig::{}: rank {} has {}, rank {} has {}", mine[i].first, rank, mine[i].second,
                              peer, theirs[i]),
                  report);
    }
  }
}

std::size_t window_bytes(const GroupConfig& config, int num_ranks) {
  const RequiredBytes required = required_bytes(config, num_ranks);
  if (config.window_bytes == 0) return required.window;
  const std::size_t least = required.control + required.latency;
  if (config.window_bytes < least) {
    throw Error(
        ErrorCode::kWindowTooSmall,
        fmt::format(
            "GroupConfig::window_bytes: expected at least {} (control and latency areas; {} for the worst case), "
            "got {}",
            least, required.window, config.window_bytes),
        {.operation = "group",
         .phase = "config",
         .expected = static_cast<std::int64_t>(least),
         .observed = static_cast<std::int64_t>(config.window_bytes)});
  }
  return config.window_bytes;
}

/// Pages are committed by use, and mild routing uses few: what results could take at worst is no reason to refuse. But
/// what calls of latency mode fill, whatever the routing, has to fit what the machine or the container can ever give.
void check_memory(const GroupConfig& config, int num_ranks) {
  const RequiredBytes required = required_bytes(config, num_ranks);
  const auto bytes = static_cast<double>(required.control + required.latency) * num_ranks;
  const FreeMemory whole = base::whole_memory();
  if (bytes <= static_cast<double>(whole.bytes)) return;
  throw Error(ErrorCode::kSystem,
              fmt::format("GroupConfig: control and latency areas of {} ranks take {} bytes each, expected all to fit "
                          "the {} bytes of {}",
                          num_ranks, required.control + required.latency, whole.bytes, whole.bound),
              {.operation = "group", .phase = "config", .observed = whole.bytes});
}

std::vector<std::byte> message_of(const GroupConfig& config) {
  std::vector<std::int64_t> values;
  for (const auto& [name, value] : fields_of(config)) values.push_back(value);
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

/// Everybody's configuration is compared before memory is asked for. A rank whose own is wrong still takes part, so
/// that nobody waits for it. Returns the size of the window.
std::size_t agree_on_config(Bootstrap& bootstrap, const GroupConfig& config) {
  std::size_t bytes = 0;
  const base::Deadline deadline(config.deadline.count() > 0 ? config.deadline : GroupConfig{}.deadline);
  const auto gathered = transport::agree(bootstrap, deadline, [&] {
    bytes = window_bytes(config, bootstrap.num_ranks());
    // Once for all: they are on one machine, and its files take 60 us to read.
    if (config.backend == Backend::kCpu && bootstrap.rank() == 0) check_memory(config, bootstrap.num_ranks());
    return message_of(config);
  });
  compare_configs(config, gathered, bootstrap.rank());
  return bytes;
}

/// Every rank throws where one was built without it: configurations are equal.
std::unique_ptr<Engine> make_cuda_engine([[maybe_unused]] Bootstrap& bootstrap,
                                         [[maybe_unused]] const GroupConfig& config,
                                         [[maybe_unused]] std::size_t window_bytes) {
#if CROSSDOCK_CUDA
  return std::make_unique<cuda::CudaEngine>(bootstrap, config, window_bytes);
#else
  throw Error(ErrorCode::kInvalidArgument,
              "GroupConfig::backend: expected cpu in a library built without CUDA, got cuda");
#endif
}

std::uint64_t next_identity() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

}  // namespace

Engine::Engine() : identity_(next_identity()) {}

PendingDispatch Engine::make_dispatch(std::unique_ptr<Pending> state) const {
  state->engine = identity_;
  return PendingDispatch(std::move(state));
}

PendingCombine Engine::make_combine(std::unique_ptr<Pending> state) const {
  state->engine = identity_;
  return PendingCombine(std::move(state));
}

Pending& Engine::given(const std::unique_ptr<Pending>& state, const char* operation) const {
  const auto refuse = [&](const char* got) {
    core::reject({.operation = fmt::format("{}_receive", operation), .rank = rank()}, "pending",
                 fmt::format("what {}_send of this group returned", operation), got);
  };
  if (state == nullptr) refuse("one that was moved from");
  if (state->engine != identity_) refuse("another group's");
  return *state;
}

Pending& Engine::state_of(const PendingDispatch& pending) const { return given(pending.state_, "dispatch"); }
Pending& Engine::state_of(const PendingCombine& pending) const { return given(pending.state_, "combine"); }

std::unique_ptr<Engine> make_engine(const World& world, const GroupConfig& config) try {
  const base::FloatEnvironment environment;  // libraries that start-up uses count in floating point too
  (void)world.rank();                        // throws where it was moved from
  Bootstrap& bootstrap = *world.bootstrap();
  bootstrap.check_process();
  const std::size_t bytes = agree_on_config(bootstrap, config);
  if (config.backend == Backend::kCuda) return make_cuda_engine(bootstrap, config, bytes);
  return std::make_unique<CpuEngine>(bootstrap, config, bytes);
} catch (const std::bad_alloc&) {
  world.bootstrap()->release_spare();
  throw base::out_of_memory("group");
}

}  // namespace crossdock::engine
