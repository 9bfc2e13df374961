// mpirun of Open MPI 4 and 5.
#include <fmt/format.h>

#include "transport/launcher/launchers.hpp"
#include "transport/launcher/variables.hpp"

namespace crossdock::transport {

std::optional<Job> read_open_mpi() {
  auto job = read_place(Launcher::kOpenMpi, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  if (!job || job->num_ranks == 1) return job;
  // Version 4 names the job by both, alike; version 5 by the first alone.
  for (const char* variable : {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"}) {
    const std::string name = text_of(variable);
    if (job->identity.empty() && !name.empty()) job->identity = fmt::format("Open MPI {}", name);
  }
  job->one_machine = all_local(*job, "OMPI_COMM_WORLD_LOCAL_SIZE");
  read_meeting_point(*job);
  return job;
}

}  // namespace crossdock::transport
