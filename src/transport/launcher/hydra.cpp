// mpiexec of MPICH and Intel MPI.
#include <fmt/format.h>

#include <limits>

#include "transport/launcher/launchers.hpp"
#include "transport/launcher/variables.hpp"

namespace crossdock::transport {
namespace {

// srun --mpi=pmi2 sets PMI_RANK and PMI_SIZE as well, but what only Hydra does not.
bool are_of_slurm() { return is_set("SLURM_STEP_ID") && !is_set("MPI_LOCALNRANKS"); }

}  // namespace

std::optional<Job> read_hydra() {
  if (are_of_slurm()) return std::nullopt;
  auto job = read_place(Launcher::kHydra, "PMI_RANK", "PMI_SIZE");
  if (!job || job->num_ranks == 1) return job;
  if (is_set("I_MPI_HYDRA_UUID")) job->identity = fmt::format("Intel MPI {}", text_of("I_MPI_HYDRA_UUID"));
  if (is_set("PMI_FD")) job->pmi_fd = static_cast<int>(integer_of("PMI_FD", 0, std::numeric_limits<int>::max()));
  job->one_machine = all_local(*job, "MPI_LOCALNRANKS");
  read_meeting_point(*job);
  return job;
}

}  // namespace crossdock::transport
