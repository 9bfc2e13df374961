// RANK and WORLD_SIZE: torchrun, and whoever speaks as it does.
#include <fmt/format.h>

#include "transport/launcher/launchers.hpp"
#include "transport/launcher/variables.hpp"

namespace crossdock::transport {
namespace {

// Every agent counts its own restarts: after a failure of one machine the count differs between machines, so it tells
// jobs apart only where one agent has all ranks.
std::string identity() {
  if (!is_set("TORCHELASTIC_RUN_ID")) return "";
  const std::string run = fmt::format("torchrun {}", text_of("TORCHELASTIC_RUN_ID"));
  return text_of("GROUP_WORLD_SIZE") == "1" ? fmt::format("{} restart {}", run, text_of("TORCHELASTIC_RESTART_COUNT"))
                                            : run;
}

}  // namespace

std::optional<Job> read_torchrun() {
  auto job = read_place(Launcher::kTorchrun, "RANK", "WORLD_SIZE");
  if (!job || job->num_ranks == 1) return job;
  job->identity = identity();
  job->one_machine = all_local(*job, "LOCAL_WORLD_SIZE");
  // torchrun keeps a store of its own on MASTER_PORT and says so: then the next port is ours.
  const bool taken = text_of("TORCHELASTIC_USE_AGENT_STORE") == "True";
  read_meeting_point(*job, taken ? 65'534 : 65'535);
  if (taken && job->port) ++*job->port;
  return job;
}

}  // namespace crossdock::transport
