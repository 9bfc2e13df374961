// An indexed Job numbers its pods and tells them nothing else. (A PyTorchJob speaks as torchrun does.)
#include "transport/launcher/launchers.hpp"
#include "transport/launcher/variables.hpp"

namespace crossdock::transport {

std::optional<Job> read_indexed_job() {
  if (!is_set("JOB_COMPLETION_INDEX") || !is_set("WORLD_SIZE") || is_set("RANK")) return std::nullopt;
  auto job = read_place(Launcher::kKubernetes, "JOB_COMPLETION_INDEX", "WORLD_SIZE");
  if (job->num_ranks == 1) return job;
  read_meeting_point(*job);
  return job;
}

}  // namespace crossdock::transport
