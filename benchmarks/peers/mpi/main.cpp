// The peers' job by MPI. Built once with Open MPI and once with MPICH.
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string>

#include "harness/flags.hpp"
#include "harness/session.hpp"
#include "mpi/combine.hpp"
#include "mpi/dispatch.hpp"

namespace crossdock::peers {
namespace {

std::string library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string version(text.data());  // Open MPI counts the closing zero in the length, MPICH does not
  version.resize(std::min(version.size(), version.find('\n')));
  std::ranges::replace(version, '\t', ' ');
  return version;
}

void digest_dispatch(const Buffers& buffers, Digest& digest) {
  const auto rows = static_cast<std::size_t>(buffers.received.total());
  digest.add({buffers.rows.data(), rows * buffers.job.row_bytes()});
  digest.add({buffers.rows_idx.data(), rows * static_cast<std::size_t>(buffers.job.top_k) * sizeof(std::int32_t)});
}

std::vector<Operation> operations_of(Buffers& buffers) {
  const auto rows = [&buffers] { return static_cast<std::uint64_t>(buffers.received.total()); };
  const auto add = [&](std::vector<Operation>& all, const char* name, void (*run)(Buffers&), bool dispatches) {
    all.push_back({.name = name,
                   .run = [&buffers, run] { run(buffers); },
                   .digest =
                       [&buffers, dispatches](Digest& digest) {
                         if (dispatches) {
                           digest_dispatch(buffers, digest);
                         } else {
                           digest.add({buffers.y.data(), buffers.y.size()});
                         }
                       },
                   .rows = rows});
  };
  std::vector<Operation> all;
  add(all, "dispatch.alltoallv", dispatch_alltoallv, true);
  add(all, "dispatch.messages", dispatch_messages, true);
  add(all, "dispatch.datatypes", dispatch_datatypes, true);
  add(all, "combine.alltoallv", combine_alltoallv, false);
  add(all, "combine.messages", combine_messages, false);
  return all;
}

void run(const Flags& flags) {
  int rank = 0;
  int num_ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &num_ranks);
  Meeting meeting(flags.text("meeting"), rank, num_ranks);
  Buffers buffers(flags.job(num_ranks), rank);
  dispatch_alltoallv(buffers);  // combine needs its counts
  run_session(meeting, operations_of(buffers), fmt::format(R"({{"version": "{}"}})", library_version()));
}

}  // namespace
}  // namespace crossdock::peers

int main(int count, char** words) {
  MPI_Init(&count, &words);
  try {
    crossdock::peers::run(crossdock::peers::Flags(count, words));
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
