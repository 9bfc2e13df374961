#include "mpi/combine.hpp"

#include <mpi.h>

#include "mpi/sum_rows.hpp"

namespace crossdock::peers {
namespace {

/// `own` is where the own rank's rows begin.
void sum_tokens(const Buffers& buffers, const std::byte* own) {
  const Job& job = buffers.job;
  std::vector<const std::byte*> begin;
  for (int from = 0; from < job.num_ranks; ++from) {
    begin.push_back(from == buffers.rank ? own : buffers.row(buffers.returned, buffers.sent.first[from]));
  }
  std::vector<const std::uint16_t*> rows;
  for (int token = 0; token < job.tokens; ++token) {
    rows.clear();
    for (int from = 0; from < job.num_ranks; ++from) {
      const int slot = buffers.slot[token * job.num_ranks + from];
      if (slot >= 0) rows.push_back(reinterpret_cast<const std::uint16_t*>(begin[from] + slot * job.row_bytes()));
    }
    sum_rows(rows, job.hidden, reinterpret_cast<std::uint16_t*>(buffers.row(buffers.y, token)));
  }
}

int bytes_of(const Buffers& buffers, int rows) { return rows * static_cast<int>(buffers.job.row_bytes()); }

std::vector<int> in_bytes(const Buffers& buffers, std::vector<int> rows) {
  for (int& count : rows) count = bytes_of(buffers, count);
  return rows;
}

}  // namespace

void combine_alltoallv(Buffers& buffers) {
  const auto& sent = buffers.received;  // what dispatch received goes back
  const auto& received = buffers.sent;
  MPI_Alltoallv(buffers.expert_outputs.data(), in_bytes(buffers, sent.rows).data(),
                in_bytes(buffers, sent.first).data(), MPI_BYTE, buffers.returned.data(),
                in_bytes(buffers, received.rows).data(), in_bytes(buffers, received.first).data(), MPI_BYTE,
                MPI_COMM_WORLD);
  sum_tokens(buffers, buffers.row(buffers.returned, received.first[buffers.rank]));
}

void combine_messages(Buffers& buffers) {
  std::vector<MPI_Request> requests;
  for (int step = 1; step < buffers.job.num_ranks; ++step) {
    const int from = (buffers.rank + step) % buffers.job.num_ranks;
    MPI_Irecv(buffers.row(buffers.returned, buffers.sent.first[from]), bytes_of(buffers, buffers.sent.rows[from]),
              MPI_BYTE, from, 0, MPI_COMM_WORLD, &requests.emplace_back());
  }
  for (int step = 1; step < buffers.job.num_ranks; ++step) {
    const int to = (buffers.rank + step) % buffers.job.num_ranks;
    MPI_Isend(buffers.row(buffers.expert_outputs, buffers.received.first[to]),
              bytes_of(buffers, buffers.received.rows[to]), MPI_BYTE, to, 0, MPI_COMM_WORLD, &requests.emplace_back());
  }
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
  sum_tokens(buffers, buffers.row(buffers.expert_outputs, buffers.received.first[buffers.rank]));
}

}  // namespace crossdock::peers
