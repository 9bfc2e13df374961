// An MPI program's ranks meet through MPI itself; a group for expert parallelism is made of each pair of neighbours,
// and another one across the pairs. Every token that is sent comes back as the sum over the ranks that it went to.
#include <mpi.h>

#include <crossdock/crossdock.hpp>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

using namespace crossdock;

World world_of(MPI_Comm communicator) {
  int rank = 0;
  int num_ranks = 0;
  MPI_Comm_rank(communicator, &rank);
  MPI_Comm_size(communicator, &num_ranks);
  return World::from_all_gather(
      rank, num_ranks, [communicator](std::span<const std::byte> mine, std::span<std::byte> all, auto /*deadline*/) {
        const int size = static_cast<int>(mine.size());
        MPI_Allgather(mine.data(), size, MPI_BYTE, all.data(), size, MPI_BYTE, communicator);
      });
}

/// Two experts, and every token goes to both: from as many ranks as hold them, a token of ones comes back as their
/// number.
bool send_there_and_back(const World& world) {
  Group group(world, {.num_experts = 2, .top_k = 2, .hidden = 8, .max_tokens = 1, .element_bytes = 4});
  const std::vector<float> x(8, 1.0F);
  const std::vector<int> topk_idx{0, 1};
  const DispatchResult rows = group.dispatch({.x = dense_view(x.data(), DType::kFp32, {1, 8}),
                                              .topk_idx = dense_view(topk_idx.data(), DType::kInt32, {1, 2})});
  const CombineResult sums = group.combine(rows.handle, {.x = rows.x});
  return *static_cast<const float*>(sums.y.data) == static_cast<float>(world.num_ranks());
}

int run() {
  const World world = world_of(MPI_COMM_WORLD);
  const World expert_parallel = *world.split(world.rank() / 2, world.rank());
  const World data_parallel = *world.split(world.rank() % 2, world.rank());
  const bool right = send_there_and_back(expert_parallel) && send_there_and_back(data_parallel);
  std::printf("rank %d of %d: expert parallel %d of %d, data parallel %d of %d: %s\n", world.rank(), world.num_ranks(),
              expert_parallel.rank(), expert_parallel.num_ranks(), data_parallel.rank(), data_parallel.num_ranks(),
              right ? "right" : "wrong");
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int result = 1;
  try {
    result = run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
  }
  if (result != 0) MPI_Abort(MPI_COMM_WORLD, result);
  MPI_Finalize();
  return result;
}
