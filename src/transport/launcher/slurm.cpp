// srun of Slurm; its batch scripts and shells.
#include <fmt/format.h>

#include <cstdint>
#include <limits>

#include "crossdock/error.hpp"
#include "transport/launcher/host_list.hpp"
#include "transport/launcher/launchers.hpp"
#include "transport/launcher/variables.hpp"

namespace crossdock::transport {
namespace {

// Slurm numbers what is no task of srun from here on: a batch script 0xfffffffb, a shell of salloc 0xfffffffa.
constexpr std::int64_t kFirstReservedStep = 0xffff'fff0;

constexpr int kMost = std::numeric_limits<int>::max();

bool is_task_of_srun() {
  return is_set("SLURM_STEP_ID") &&
         integer_of("SLURM_STEP_ID", 0, std::numeric_limits<std::uint32_t>::max()) < kFirstReservedStep;
}

// A batch script is one process, whatever was asked for, and has SLURM_PROCID=0; so is a shell of salloc.
void refuse_more_tasks() {
  for (const char* variable : {"SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_JOB_NUM_NODES"}) {
    if (!is_set(variable) || integer_of(variable, 1, kMost) == 1) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("environment variable {}: expected 1 where srun has not started this process, got \"{}\": "
                            "start the ranks by srun (or mpirun, torchrun), or set RANK=0 and WORLD_SIZE=1 for one",
                            variable, text_of(variable)));
  }
}

std::string first_listed_node() {
  return parse_host_list(text_of("SLURM_STEP_NODELIST"), "environment variable SLURM_STEP_NODELIST").first;
}

// In a heterogeneous job every component counts its own steps, and all call themselves by the leader's job.
std::string identity() {
  const std::string step = fmt::format("Slurm {}.{}", text_of("SLURM_JOB_ID"), text_of("SLURM_STEP_ID"));
  return is_set("SLURM_HET_SIZE") ? fmt::format("{} from {}", step, first_listed_node()) : step;
}

// SLURM_LAUNCH_NODE_IPADDR is where srun ran. The distributions block, cyclic and plane all begin on the first node.
void find_rank_0(Job& job) {
  const std::string distribution = text_of("SLURM_DISTRIBUTION");
  if (distribution.starts_with("arbitrary")) {
    job.address_needed = fmt::format("SLURM_DISTRIBUTION is \"{}\", which may put rank 0 on any node", distribution);
  } else if (!is_set("SLURM_STEP_NODELIST")) {
    job.address_needed = "SLURM_STEP_NODELIST is not set either";
  } else {
    job.address = first_listed_node();
  }
}

}  // namespace

std::optional<Job> read_slurm() {
  std::optional<Job> job;
  // SLURM_NTASKS may be the allocation's (srun --preserve-env).
  if (is_task_of_srun()) job = read_place(Launcher::kSlurm, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
  if (!job) refuse_more_tasks();
  if (!job || job->num_ranks == 1) return job;
  job->identity = identity();
  job->one_machine = is_set("SLURM_STEP_NUM_NODES") && integer_of("SLURM_STEP_NUM_NODES", 1, kMost) == 1;
  read_meeting_point(*job);
  if (!job->address && !job->one_machine) find_rank_0(*job);
  return job;
}

}  // namespace crossdock::transport
