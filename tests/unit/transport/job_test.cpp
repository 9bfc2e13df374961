// Environments as launchers make them, and what is read from each.
#include "transport/launcher/job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gather.hpp"
#include "launcher_environment.hpp"

namespace crossdock::testing {
namespace {

using ::testing::HasSubstr;
using transport::Job;
using transport::Launcher;
using transport::read_job;

// torchrun 2.15, two machines of two ranks; this is rank 1.
const Variables kTorchrun{{"RANK", "1"},
                          {"WORLD_SIZE", "4"},
                          {"LOCAL_RANK", "1"},
                          {"LOCAL_WORLD_SIZE", "2"},
                          {"GROUP_RANK", "0"},
                          {"GROUP_WORLD_SIZE", "2"},
                          {"MASTER_ADDR", "node1"},
                          {"MASTER_PORT", "29400"},
                          {"TORCHELASTIC_RUN_ID", "job7"},
                          {"TORCHELASTIC_RESTART_COUNT", "3"},
                          {"TORCHELASTIC_MAX_RESTARTS", "5"},
                          {"TORCHELASTIC_USE_AGENT_STORE", "False"}};
// torchrun 2.15 --standalone.
const Variables kStandalone{{"RANK", "1"},
                            {"WORLD_SIZE", "2"},
                            {"LOCAL_RANK", "1"},
                            {"LOCAL_WORLD_SIZE", "2"},
                            {"GROUP_RANK", "0"},
                            {"GROUP_WORLD_SIZE", "1"},
                            {"MASTER_ADDR", "localhost"},
                            {"MASTER_PORT", "41001"},
                            {"TORCHELASTIC_RUN_ID", "8b1d"},
                            {"TORCHELASTIC_RESTART_COUNT", "0"},
                            {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const Variables kPyTorchJob{{"RANK", "2"},
                            {"WORLD_SIZE", "3"},
                            {"MASTER_ADDR", "train-master-0"},
                            {"MASTER_PORT", "23456"},
                            {"PET_NNODES", "3"},
                            {"PET_NODE_RANK", "2"},
                            {"PYTHONUNBUFFERED", "1"},
                            {"KUBERNETES_SERVICE_HOST", "10.0.0.1"}};
// Open MPI 4.1.4.
const Variables kOpenMpi4{{"OMPI_COMM_WORLD_RANK", "1"},
                          {"OMPI_COMM_WORLD_SIZE", "2"},
                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                          {"OMPI_MCA_ess_base_jobid", "1165492225"},
                          {"PMIX_NAMESPACE", "1165492225"},
                          {"PMIX_RANK", "1"}};
// Open MPI 5.0.11.
const Variables kOpenMpi5{{"OMPI_COMM_WORLD_RANK", "1"},
                          {"OMPI_COMM_WORLD_SIZE", "2"},
                          {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                          {"PMIX_NAMESPACE", "prterun-vm-10742@1"},
                          {"PMIX_RANK", "1"}};
// MPICH 4.0.2 and 5.0.2.
const Variables kMpich{{"PMI_RANK", "1"},        {"PMI_SIZE", "2"},        {"PMI_FD", "8"},
                       {"MPI_LOCALNRANKS", "2"}, {"MPI_LOCALRANKID", "1"}, {"HYDI_CONTROL_FD", "7"}};
// srun -N 2 -n 4 of Slurm 22.05 in an allocation of 8 tasks on 4 machines.
const Variables kSrun{{"SLURM_JOB_ID", "4711"},
                      {"SLURM_STEP_ID", "2"},
                      {"SLURM_PROCID", "3"},
                      {"SLURM_LOCALID", "1"},
                      {"SLURM_NTASKS", "8"},
                      {"SLURM_STEP_NUM_TASKS", "4"},
                      {"SLURM_STEP_NUM_NODES", "2"},
                      {"SLURM_JOB_NUM_NODES", "4"},
                      {"SLURM_JOB_NODELIST", "node[01-04]"},
                      {"SLURM_STEP_NODELIST", "node[02-03]"},
                      {"SLURM_DISTRIBUTION", "cyclic"},
                      {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.99"}};
const Variables kSbatch{{"SLURM_JOB_ID", "4711"},        {"SLURM_PROCID", "0"},
                        {"SLURM_LOCALID", "0"},          {"SLURM_NTASKS", "8"},
                        {"SLURM_JOB_NUM_NODES", "2"},    {"SLURM_TASKS_PER_NODE", "4(x2)"},
                        {"SLURM_JOB_NODELIST", "n[1-2]"}};

Variables with(Variables variables, const Variables& changes) {
  for (const auto& [name, value] : changes) variables[name] = value;
  return variables;
}

Variables without(Variables variables, const std::vector<std::string>& names) {
  for (const std::string& name : names) variables.erase(name);
  return variables;
}

void expect_job(const Variables& variables, const Job& expected) {
  set_environment(variables);
  const Job job = read_job();
  EXPECT_EQ(job.launcher, expected.launcher);
  EXPECT_EQ(job.rank, expected.rank);
  EXPECT_EQ(job.num_ranks, expected.num_ranks);
  EXPECT_EQ(job.identity, expected.identity);
  EXPECT_EQ(job.address, expected.address);
  EXPECT_EQ(job.address_needed, expected.address_needed);
  EXPECT_EQ(job.port, expected.port);
  EXPECT_EQ(job.one_machine, expected.one_machine);
  EXPECT_EQ(job.pmi_fd, expected.pmi_fd);
}

/// The Error's message after "environment variable ".
void expect_refused(const Variables& variables, const std::string& message) {
  set_environment(variables);
  const Error error = error_of([] { read_job(); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.message(), "environment variable " + message);
}

TEST(Job, NothingSetIsOneRank) { expect_job({}, {}); }

TEST(Job, Torchrun) {
  Job job{.launcher = Launcher::kTorchrun, .rank = 1, .num_ranks = 4, .identity = "torchrun job7"};
  job.address = "node1";
  job.port = 29'400;
  expect_job(kTorchrun, job);
  // The agents' own store is on MASTER_PORT; counts of restarts may differ between machines.
  job.port = 29'401;
  expect_job(with(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "4"}}), job);
}

TEST(Job, TorchrunOnOneMachine) {
  expect_job(kStandalone, {.launcher = Launcher::kTorchrun,
                           .rank = 1,
                           .num_ranks = 2,
                           .identity = "torchrun 8b1d restart 0",
                           .address = "localhost",
                           .port = 41'002,
                           .one_machine = true});
  expect_job(without(kStandalone, {"MASTER_ADDR", "MASTER_PORT"}), {.launcher = Launcher::kTorchrun,
                                                                    .rank = 1,
                                                                    .num_ranks = 2,
                                                                    .identity = "torchrun 8b1d restart 0",
                                                                    .one_machine = true});
}

TEST(Job, PyTorchJobSpeaksAsTorchrun) {
  expect_job(kPyTorchJob,
             {.launcher = Launcher::kTorchrun, .rank = 2, .num_ranks = 3, .address = "train-master-0", .port = 23'456});
}

TEST(Job, OneRankNeedsNothingElse) {
  expect_job({{"RANK", "0"}, {"WORLD_SIZE", "1"}}, {.launcher = Launcher::kTorchrun});
}

TEST(Job, IndexedJob) {
  expect_job({{"JOB_COMPLETION_INDEX", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "train-0.train"}},
             {.launcher = Launcher::kKubernetes, .rank = 2, .num_ranks = 4, .address = "train-0.train"});
  expect_job(with(kPyTorchJob, {{"JOB_COMPLETION_INDEX", "1"}}),
             {.launcher = Launcher::kTorchrun, .rank = 2, .num_ranks = 3, .address = "train-master-0", .port = 23'456});
  expect_refused({{"JOB_COMPLETION_INDEX", "2"}},
                 "JOB_COMPLETION_INDEX: is \"2\", but no variable says how many ranks there are: set WORLD_SIZE (the "
                 "Job's completions) and MASTER_ADDR (the name of pod 0) in its pods");
  expect_refused({{"JOB_COMPLETION_INDEX", "4"}, {"WORLD_SIZE", "4"}},
                 "JOB_COMPLETION_INDEX: expected an integer of [0, 3], got \"4\"");
}

TEST(Job, OpenMpi) {
  Job job{.launcher = Launcher::kOpenMpi,
          .rank = 1,
          .num_ranks = 2,
          .identity = "Open MPI 1165492225",
          .one_machine = true};
  expect_job(kOpenMpi4, job);
  expect_job(without(kOpenMpi4, {"PMIX_NAMESPACE"}), job);
  job.identity = "Open MPI prterun-vm-10742@1";
  expect_job(kOpenMpi5, job);
  job.one_machine = false;
  expect_job(with(kOpenMpi5, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}}), job);
  job.address = "::1";
  job.port = 1234;
  expect_job(with(kOpenMpi5, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}, {"MASTER_ADDR", "[::1]"}, {"MASTER_PORT", "1234"}}),
             job);
}

TEST(Job, Hydra) {
  Job job{.launcher = Launcher::kHydra, .rank = 1, .num_ranks = 2, .one_machine = true};
  job.pmi_fd = 8;
  expect_job(kMpich, job);
  job.identity = "Intel MPI 102a0000-4cb0";
  expect_job(with(kMpich, {{"I_MPI_HYDRA_UUID", "102a0000-4cb0"}}), job);
  job.identity.clear();
  job.one_machine = false;
  expect_job(with(kMpich, {{"MPI_LOCALNRANKS", "1"}}), job);
  job.pmi_fd.reset();
  expect_job(without(kMpich, {"PMI_FD", "MPI_LOCALNRANKS"}), job);
}

TEST(Job, Srun) {
  Job job{.launcher = Launcher::kSlurm, .rank = 3, .num_ranks = 4, .identity = "Slurm 4711.2", .address = "node02"};
  expect_job(kSrun, job);
  expect_job(with(kSrun, {{"PMIX_RANK", "3"}, {"PMIX_NAMESPACE", "slurm.pmix.4711.2"}}), job);
  expect_job(with(kSrun, {{"PMI_FD", "9"}, {"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"PMI_JOBID", "4711.2"}}), job);
  job.identity = "Slurm 4711.2 from node02";
  expect_job(with(kSrun, {{"SLURM_HET_SIZE", "2"}}), job);
  job.identity = "Slurm 4711.2";
  job.address = "10.0.0.7";
  job.port = 5000;
  expect_job(with(kSrun, {{"MASTER_ADDR", "10.0.0.7"}, {"MASTER_PORT", "5000"}, {"SLURM_DISTRIBUTION", "arbitrary"}}),
             job);
}

TEST(Job, SrunOnOneMachine) {
  expect_job(
      with(kSrun, {{"SLURM_STEP_NUM_NODES", "1"}}),
      {.launcher = Launcher::kSlurm, .rank = 3, .num_ranks = 4, .identity = "Slurm 4711.2", .one_machine = true});
}

TEST(Job, SrunSaysWhyItDoesNotKnowTheNodeOfRank0) {
  Job job{.launcher = Launcher::kSlurm, .rank = 3, .num_ranks = 4, .identity = "Slurm 4711.2"};
  job.address_needed = "SLURM_STEP_NODELIST is not set either";
  expect_job(without(kSrun, {"SLURM_STEP_NODELIST"}), job);
  job.address_needed = "SLURM_DISTRIBUTION is \"arbitrary\", which may put rank 0 on any node";
  expect_job(with(kSrun, {{"SLURM_DISTRIBUTION", "arbitrary"}}), job);
  set_environment(with(kSrun, {{"SLURM_STEP_NODELIST", "node["}}));
  EXPECT_THAT(error_of([] { read_job(); }).what(),
              HasSubstr("environment variable SLURM_STEP_NODELIST: expected a list of hosts"));
}

TEST(Job, ABatchScriptOfSeveralTasksIsRefused) {
  const auto expect = [](const Variables& variables, const std::string& variable, const std::string& value) {
    expect_refused(variables, variable + ": expected 1 where srun has not started this process, got \"" + value +
                                  "\": start the ranks by srun (or mpirun, torchrun), or set RANK=0 and WORLD_SIZE=1 "
                                  "for one");
  };
  expect(kSbatch, "SLURM_NTASKS", "8");
  expect(without(kSbatch, {"SLURM_NTASKS"}), "SLURM_JOB_NUM_NODES", "2");
  expect(with(without(kSbatch, {"SLURM_NTASKS"}), {{"SLURM_NTASKS_PER_NODE", "4"}}), "SLURM_NTASKS_PER_NODE", "4");
  // A shell of salloc, on the machine that it was called on and on the first of the allocation.
  expect(without(kSbatch, {"SLURM_PROCID", "SLURM_LOCALID"}), "SLURM_NTASKS", "8");
  expect(with(kSbatch, {{"SLURM_STEP_ID", "4294967290"}, {"SLURM_STEP_NUM_TASKS", "1"}}), "SLURM_NTASKS", "8");

  expect_job(with(kSbatch, {{"SLURM_NTASKS", "1"}, {"SLURM_JOB_NUM_NODES", "1"}}), {});
  expect_job(with(kSbatch, {{"RANK", "0"}, {"WORLD_SIZE", "1"}}), {.launcher = Launcher::kTorchrun});
  expect_job(with(kSbatch, {{"PMI_RANK", "0"}, {"PMI_SIZE", "1"}}), {.launcher = Launcher::kHydra});
}

TEST(Job, TheInnerLauncherWins) {
  Variables all = kSrun;
  // mpiexec's proxies are tasks of srun.
  all.insert(kMpich.begin(), kMpich.end());
  set_environment(all);
  EXPECT_EQ(read_job().launcher, Launcher::kHydra);
  EXPECT_EQ(read_job().num_ranks, 2);
  all.insert(kOpenMpi4.begin(), kOpenMpi4.end());
  set_environment(all);
  EXPECT_EQ(read_job().launcher, Launcher::kOpenMpi);
  all.insert(kTorchrun.begin(), kTorchrun.end());
  set_environment(all);
  EXPECT_EQ(read_job().launcher, Launcher::kTorchrun);
  EXPECT_EQ(read_job().num_ranks, 4);
}

TEST(Job, ALeftOverWorldOfOneIsRefused) {
  const std::string message =
      ", but another launcher's variables say that this is the only rank: unset those of the launcher that did not "
      "start it";
  expect_refused(with(kSrun, {{"RANK", "0"}, {"WORLD_SIZE", "1"}}), "SLURM_STEP_NUM_TASKS: is 4" + message);
  expect_refused(with(kOpenMpi5, {{"RANK", "0"}, {"WORLD_SIZE", "1"}}), "OMPI_COMM_WORLD_SIZE: is 2" + message);
  expect_refused(with(kMpich, {{"RANK", "0"}, {"WORLD_SIZE", "1"}}), "PMI_SIZE: is 2" + message);
  expect_refused(with(kSrun, {{"PMI_RANK", "0"}, {"PMI_SIZE", "1"}, {"MPI_LOCALNRANKS", "1"}}),
                 "SLURM_STEP_NUM_TASKS: is 4" + message);
}

TEST(Job, HalfAPairIsNamed) {
  for (const auto& [rank, size] :
       Variables{{"RANK", "WORLD_SIZE"}, {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"}, {"PMI_RANK", "PMI_SIZE"}}) {
    expect_refused({{rank, "0"}}, size + ": not set, but " + rank + " is");
    expect_refused({{size, "2"}}, rank + ": not set, but " + size + " is");
  }
  expect_refused(without(kSrun, {"SLURM_PROCID"}), "SLURM_PROCID: not set, but SLURM_STEP_NUM_TASKS is");
  expect_refused(without(kSrun, {"SLURM_STEP_NUM_TASKS"}), "SLURM_STEP_NUM_TASKS: not set, but SLURM_PROCID is");
}

TEST(Job, EmptyIsNotUnset) {
  expect_refused(with(kTorchrun, {{"RANK", ""}}), "RANK: expected an integer of [0, 3], got \"\"");
  expect_refused(with(kTorchrun, {{"WORLD_SIZE", ""}}), "WORLD_SIZE: expected an integer of [1, 2147483647], got \"\"");
  expect_refused(with(kTorchrun, {{"MASTER_PORT", ""}}), "MASTER_PORT: expected an integer of [1, 65535], got \"\"");
  expect_refused(with(kTorchrun, {{"MASTER_ADDR", ""}}),
                 "MASTER_ADDR: expected a host name, an IPv4 or an IPv6 address, got \"\"");
  expect_refused({{"OMPI_COMM_WORLD_RANK", ""}}, "OMPI_COMM_WORLD_SIZE: not set, but OMPI_COMM_WORLD_RANK is");
  expect_refused(with(kOpenMpi5, {{"OMPI_COMM_WORLD_SIZE", ""}}),
                 "OMPI_COMM_WORLD_SIZE: expected an integer of [1, 2147483647], got \"\"");
  expect_refused(with(kMpich, {{"PMI_SIZE", ""}}), "PMI_SIZE: expected an integer of [1, 2147483647], got \"\"");
  expect_refused(with(kMpich, {{"PMI_FD", ""}}), "PMI_FD: expected an integer of [0, 2147483647], got \"\"");
  expect_refused(with(kSrun, {{"SLURM_STEP_ID", ""}}),
                 "SLURM_STEP_ID: expected an integer of [0, 4294967295], got \"\"");
  expect_refused(with(kSbatch, {{"SLURM_NTASKS", ""}}),
                 "SLURM_NTASKS: expected an integer of [1, 2147483647], got \"\"");
  set_environment(with(kSrun, {{"SLURM_STEP_NODELIST", ""}}));
  EXPECT_THAT(error_of([] { read_job(); }).what(), HasSubstr("SLURM_STEP_NODELIST: expected a list of hosts"));
}

TEST(Job, WhatNobodyCountsIsRefused) {
  expect_refused({{"PET_NNODES", "2"}},
                 "PET_NNODES: is \"2\", but no variable says how many ranks there are: start the program by torchrun, "
                 "which reads it");
  expect_refused({{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "prterun-vm-1@1"}},
                 "PMIX_RANK: is \"0\", but no variable says how many ranks there are: start by mpirun instead of "
                 "prterun, or set RANK and WORLD_SIZE");
  expect_refused({{"PMI_ID", "1"}, {"PMI_PORT", "vm:42921"}, {"MPI_LOCALNRANKS", "2"}},
                 "PMI_ID: is \"1\", but no variable says how many ranks there are: start by mpiexec without -pmi-port, "
                 "or set RANK and WORLD_SIZE");
}

}  // namespace
}  // namespace crossdock::testing
