#include "engine/engine.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include "transport/bootstrap/bootstrap.hpp"
#include "transport/local/connect.hpp"

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
          {"window_bytes", static_cast<std::int64_t>(config.window_bytes)}};
}

/// A rank whose own configuration is wrong still takes part, so that nobody waits for it.
struct ConfigMessage {
  std::vector<std::int64_t> values;  ///< of fields_of, then 1 where the configuration is valid

  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(values)); }
};

void compare_configs(const GroupConfig& config, const std::vector<std::vector<std::byte>>& gathered, int rank) {
  const std::vector<Field> mine = fields_of(config);
  for (std::size_t peer = 0; peer < gathered.size(); ++peer) {
    std::vector<std::int64_t> theirs(gathered[peer].size() / sizeof(std::int64_t));
    std::memcpy(theirs.data(), gathered[peer].data(), theirs.size() * sizeof(std::int64_t));
    const Report report{.operation = "group", .phase = "config", .rank = rank, .peer = static_cast<int>(peer)};
    if (theirs.size() != mine.size() + 1) {
      throw Error(ErrorCode::kOptionsMismatch,
                  fmt::format("GroupConfig: rank {} has {} fields, rank {} has {}: different versions of the library?",
                              rank, mine.size(), peer, theirs.size()),
                  report);
    }
    if (theirs.back() == 0) {
      throw Error(ErrorCode::kRejectedByPeer, fmt::format("GroupConfig: rank {} found its own not valid", peer),
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

/// Everybody's configuration is compared before memory is asked for. Returns the size of the window.
std::size_t agree_on_config(Bootstrap& bootstrap, const GroupConfig& config) {
  ConfigMessage message;
  for (const auto& [name, value] : fields_of(config)) message.values.push_back(value);
  std::size_t bytes = 0;
  try {
    bytes = window_bytes(config, bootstrap.num_ranks());
  } catch (const Error&) {
    message.values.push_back(0);
    bootstrap.all_gather(message.bytes(), config.deadline);
    throw;
  }
  message.values.push_back(1);
  compare_configs(config, bootstrap.all_gather(message.bytes(), config.deadline), bootstrap.rank());
  return bytes;
}

std::uint64_t next_identity() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

}  // namespace

std::shared_ptr<Context> make_context(const World& world, const GroupConfig& config) {
  Bootstrap& bootstrap = *world.bootstrap();
  const int num_ranks = bootstrap.num_ranks();
  const std::size_t bytes = agree_on_config(bootstrap, config);
  std::shared_ptr<transport::Transport> transport = transport::connect_local(
      bootstrap, {.window_bytes = bytes, .num_signals = num_signals(), .deadline = config.deadline});
  return std::make_shared<Context>(config, num_ranks, std::move(transport), next_identity());
}

PendingDispatch Engine::dispatch_send(bool cached, const Handle& handle, const DispatchInput& input,
                                      const DispatchOptions& options) {
  return PendingDispatch(engine::dispatch_send(context_, cached, handle.state_.get(), input, options));
}

DispatchResult Engine::dispatch_receive(PendingDispatch pending) {
  if (pending.state_ == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "dispatch_receive: expected what dispatch_send returned, got a moved-from one");
  }
  engine::dispatch_receive(*pending.state_);
  pending.state_->result.handle = Handle(pending.state_->plan);
  return std::move(pending.state_->result);
}

PendingCombine Engine::combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options) {
  return PendingCombine(engine::combine_send(context_, handle.state_, input, options));
}

CombineResult Engine::combine_receive(PendingCombine pending) {
  if (pending.state_ == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "combine_receive: expected what combine_send returned, got a moved-from one");
  }
  engine::combine_receive(*pending.state_);
  return std::move(pending.state_->result);
}

}  // namespace crossdock::engine
