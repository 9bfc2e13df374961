// job_rank JOB [mpi-before | mpi-after]: a rank of a job, as a launcher starts it. It makes a World from the
// environment and a Group, sends rows that carry the job's number to all ranks, and fails where a row or a sum is
// another job's. With mpi-before and mpi-after it is an MPI program as well, which calls MPI_Init before or after it
// makes the World.
#include <dlfcn.h>

#include <crossdock/crossdock.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace crossdock;

constexpr int kHidden = 8;

/// MPICH as it is found at run time: neither its headers nor its compiler are needed.
class Mpi {
 public:
  void init() {
    library_ = ::dlopen("libmpich.so.12", RTLD_NOW | RTLD_GLOBAL);
    if (library_ == nullptr) throw std::runtime_error("libmpich.so.12 cannot be loaded");
    const auto initialize = reinterpret_cast<int (*)(int*, char***)>(::dlsym(library_, "MPI_Init"));
    if (initialize(nullptr, nullptr) != 0) throw std::runtime_error("MPI_Init failed");
  }
  void finalize() const {
    if (library_ == nullptr) return;
    if (reinterpret_cast<int (*)()>(::dlsym(library_, "MPI_Finalize"))() != 0) {
      throw std::runtime_error("MPI_Finalize failed");
    }
  }

 private:
  void* library_ = nullptr;
};

void expect(const char* what, float expected, float got) {
  if (expected == got) return;
  throw std::runtime_error(std::string(what) + ": expected " + std::to_string(expected) + ", got " +
                           std::to_string(got));
}

/// Every rank sends one token to all ranks, an expert each.
void exchange(const World& world, int job) {
  const int num_ranks = world.num_ranks();
  const auto value_of = [job](int rank) { return static_cast<float>(1000 * job + rank); };
  Group group(world, {.num_experts = num_ranks,
                      .top_k = num_ranks,
                      .hidden = kHidden,
                      .max_tokens = 1,
                      .element_bytes = 4,
                      .num_threads = 1});
  const std::vector<float> x(kHidden, value_of(world.rank()));
  std::vector<std::int32_t> topk_idx(static_cast<std::size_t>(num_ranks));
  std::iota(topk_idx.begin(), topk_idx.end(), 0);
  const DispatchResult rows = group.dispatch({.x = dense_view(x.data(), DType::kFp32, {1, kHidden}),
                                              .topk_idx = dense_view(topk_idx.data(), DType::kInt32, {1, num_ranks})});
  if (rows.num_rows != num_ranks) throw std::runtime_error("expected a row of every rank");
  const auto* received = static_cast<const float*>(rows.x.data);
  for (int rank = 0; rank < num_ranks; ++rank, received += kHidden) expect("a row", value_of(rank), *received);
  const CombineResult sums = group.combine(rows.handle, {.x = rows.x});
  for (int i = 0; i < kHidden; ++i) {
    expect("a sum", static_cast<float>(num_ranks) * value_of(world.rank()), static_cast<const float*>(sums.y.data)[i]);
  }
}

void run(int job, const std::string& mode) {
  Mpi mpi;
  if (mode == "mpi-before") mpi.init();
  const World world = World::from_environment({.deadline = std::chrono::seconds(60)});
  if (mode == "mpi-after") mpi.init();
  if (world.num_ranks() < 2) throw std::runtime_error("expected several ranks, got one");
  exchange(world, job);
  mpi.finalize();
  std::cout << "job " + std::to_string(job) + " rank " + std::to_string(world.rank()) + " of " +
                   std::to_string(world.num_ranks()) + " right\n";
}

}  // namespace

int main(int argc, char** argv) try {
  run(std::stoi(argc > 1 ? argv[1] : "0"), argc > 2 ? argv[2] : "");
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
