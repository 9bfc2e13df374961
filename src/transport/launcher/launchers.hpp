// One reader a launcher: the job as its variables tell it; nothing where it did not start this process.
#pragma once

#include <optional>

#include "transport/launcher/job.hpp"

namespace crossdock::transport {

std::optional<Job> read_indexed_job();  ///< of Kubernetes
std::optional<Job> read_torchrun();     ///< also Kubernetes' PyTorchJob, and whoever sets RANK and WORLD_SIZE by hand
std::optional<Job> read_open_mpi();
std::optional<Job> read_hydra();  ///< MPICH, Intel MPI
std::optional<Job> read_slurm();

}  // namespace crossdock::transport
