#include <fmt/format.h>

#include <limits>

#include "crossdock/error.hpp"
#include "transport/launcher/job.hpp"
#include "transport/launcher/launchers.hpp"
#include "transport/launcher/variables.hpp"

namespace crossdock::transport {
namespace {

// The inner launcher first: torchrun is started by mpirun and srun, never the other way round; mpirun is started in an
// allocation of Slurm, whose variables are then those of its own daemons.
constexpr auto kReaders = {&read_indexed_job, &read_torchrun, &read_open_mpi, &read_hydra, &read_slurm};

Job first_of_readers() {
  for (const auto read : kReaders) {
    if (auto job = read()) return *std::move(job);
  }
  return {};
}

/// Variables of a job whose size nobody says.
struct PartOfSomething {
  const char* variable;
  const char* remedy;
};
constexpr PartOfSomething kParts[] = {
    {.variable = "JOB_COMPLETION_INDEX",
     .remedy = "set WORLD_SIZE (the Job's completions) and MASTER_ADDR (the name of pod 0) in its pods"},
    {.variable = "PET_NNODES", .remedy = "start the program by torchrun, which reads it"},
    {.variable = "PMIX_RANK", .remedy = "start by mpirun instead of prterun, or set RANK and WORLD_SIZE"},
    {.variable = "PMI_ID", .remedy = "start by mpiexec without -pmi-port, or set RANK and WORLD_SIZE"},
};

void refuse_parts() {
  for (const PartOfSomething& part : kParts) {
    if (!is_set(part.variable)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("environment variable {}: is \"{}\", but no variable says how many ranks there are: {}",
                            part.variable, text_of(part.variable), part.remedy));
  }
}

// Of what was left behind by the launcher of a parent, this alone would pass for a job: one of one rank.
void refuse_other_sizes() {
  for (const char* variable : {"WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    if (!is_set(variable) || integer_of(variable, 1, std::numeric_limits<int>::max()) == 1) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("environment variable {}: is {}, but another launcher's variables say that this is the "
                            "only rank: unset those of the launcher that did not start it",
                            variable, text_of(variable)));
  }
}

}  // namespace

Job read_job() {
  Job job = first_of_readers();
  if (job.launcher == Launcher::kNone) refuse_parts();
  if (job.num_ranks == 1) refuse_other_sizes();
  return job;
}

}  // namespace crossdock::transport
