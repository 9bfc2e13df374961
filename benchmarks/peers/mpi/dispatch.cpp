#include "mpi/dispatch.hpp"

#include <mpi.h>

#include <algorithm>
#include <cstring>

namespace crossdock::peers {
namespace {

void exchange_counts(Buffers& buffers) {
  const std::size_t num_ranks = buffers.sent.rows.size();
  std::ranges::fill(buffers.slot, -1);
  std::ranges::fill(buffers.sent.rows, 0);
  for (std::size_t i = 0; i < buffers.topk_idx.size(); ++i) {
    const std::size_t token = i / static_cast<std::size_t>(buffers.job.top_k);
    const int to = buffers.owner[buffers.topk_idx[i]];
    int& slot = buffers.slot[token * num_ranks + to];
    if (slot < 0) slot = buffers.sent.rows[to]++;
  }
  MPI_Alltoall(buffers.sent.rows.data(), 1, MPI_INT, buffers.received.rows.data(), 1, MPI_INT, MPI_COMM_WORLD);
  buffers.sent.add_up();
  buffers.received.add_up();
}

/// The token's experts as the receiver numbers them, -1 where they are on other ranks.
void pack_idx(const Buffers& buffers, int token, int to, std::int32_t* row) {
  const int begin = buffers.job.first_expert(to);
  const int end = buffers.job.first_expert(to + 1);
  const std::int32_t* idx = buffers.topk_idx.data() + std::int64_t{token} * buffers.job.top_k;
  for (int k = 0; k < buffers.job.top_k; ++k) row[k] = idx[k] >= begin && idx[k] < end ? idx[k] - begin : -1;
}

/// x is read once: a token's rows are written one after the other. `place(to)` is where the rows to a rank begin.
template <typename Place>
void pack(const Buffers& buffers, const Place& place) {
  const Job& job = buffers.job;
  const auto packed_idx = buffers.packed_idx.as<std::int32_t>();
  for (int token = 0; token < job.tokens; ++token) {
    const std::byte* x = buffers.row(buffers.x, token);
    for (int to = 0; to < job.num_ranks; ++to) {
      const int slot = buffers.slot[token * job.num_ranks + to];
      if (slot < 0) continue;
      pack_idx(buffers, token, to, packed_idx.data() + std::int64_t{buffers.sent.first[to] + slot} * job.top_k);
      if (std::byte* begin = place(to)) std::memcpy(begin + slot * job.row_bytes(), x, job.row_bytes());
    }
  }
}

RowCounts scaled(const RowCounts& counts, int factor) {
  RowCounts result = counts;
  for (int& rows : result.rows) rows *= factor;
  for (int& first : result.first) first *= factor;
  return result;
}

void send_all(const Memory& from, const Memory& to, const Buffers& buffers, int row_bytes) {
  const RowCounts sent = scaled(buffers.sent, row_bytes);
  const RowCounts received = scaled(buffers.received, row_bytes);
  MPI_Alltoallv(from.data(), sent.rows.data(), sent.first.data(), MPI_BYTE, to.data(), received.rows.data(),
                received.first.data(), MPI_BYTE, MPI_COMM_WORLD);
}

void send_idx(const Buffers& buffers) {
  send_all(buffers.packed_idx, buffers.rows_idx, buffers, buffers.job.top_k * static_cast<int>(sizeof(std::int32_t)));
}

std::vector<MPI_Request> receive_rows(const Buffers& buffers) {
  std::vector<MPI_Request> requests;
  for (int from = 0; from < buffers.job.num_ranks; ++from) {
    if (from == buffers.rank) continue;
    MPI_Irecv(buffers.row(buffers.rows, buffers.received.first[from]),
              buffers.received.rows[from] * static_cast<int>(buffers.job.row_bytes()), MPI_BYTE, from, 0,
              MPI_COMM_WORLD, &requests.emplace_back());
  }
  return requests;
}

std::byte* own_rows(const Buffers& buffers) { return buffers.row(buffers.rows, buffers.received.first[buffers.rank]); }

void wait_all(std::vector<MPI_Request>& requests) {
  MPI_Waitall(static_cast<int>(requests.size()), requests.data(), MPI_STATUSES_IGNORE);
}

/// Each rank begins with its next, so that not all send to one.
template <typename Send>
void to_others(const Buffers& buffers, const Send& send) {
  for (int step = 1; step < buffers.job.num_ranks; ++step) send((buffers.rank + step) % buffers.job.num_ranks);
}

MPI_Datatype rows_of_x(const Buffers& buffers, int to) {
  const int num_ranks = buffers.job.num_ranks;
  const int row_bytes = static_cast<int>(buffers.job.row_bytes());
  std::vector<int> begins;
  for (int token = 0; token < buffers.job.tokens; ++token) {
    if (buffers.slot[token * num_ranks + to] >= 0) begins.push_back(token * row_bytes);
  }
  MPI_Datatype type = MPI_DATATYPE_NULL;
  MPI_Type_create_indexed_block(static_cast<int>(begins.size()), row_bytes, begins.data(), MPI_BYTE, &type);
  MPI_Type_commit(&type);
  return type;
}

}  // namespace

void dispatch_alltoallv(Buffers& buffers) {
  exchange_counts(buffers);
  pack(buffers, [&](int to) { return buffers.row(buffers.packed, buffers.sent.first[to]); });
  send_all(buffers.packed, buffers.rows, buffers, static_cast<int>(buffers.job.row_bytes()));
  send_idx(buffers);
}

void dispatch_messages(Buffers& buffers) {
  exchange_counts(buffers);
  std::vector<MPI_Request> requests = receive_rows(buffers);
  pack(buffers, [&](int to) {
    return to == buffers.rank ? own_rows(buffers) : buffers.row(buffers.packed, buffers.sent.first[to]);
  });
  to_others(buffers, [&](int to) {
    MPI_Isend(buffers.row(buffers.packed, buffers.sent.first[to]),
              buffers.sent.rows[to] * static_cast<int>(buffers.job.row_bytes()), MPI_BYTE, to, 0, MPI_COMM_WORLD,
              &requests.emplace_back());
  });
  wait_all(requests);
  send_idx(buffers);
}

void dispatch_datatypes(Buffers& buffers) {
  exchange_counts(buffers);
  std::vector<MPI_Request> requests = receive_rows(buffers);
  to_others(buffers, [&](int to) {
    MPI_Datatype type = rows_of_x(buffers, to);
    MPI_Isend(buffers.x.data(), 1, type, to, 0, MPI_COMM_WORLD, &requests.emplace_back());
    MPI_Type_free(&type);  // at once for the program, when the send is done for MPI
  });
  pack(buffers, [&](int to) { return to == buffers.rank ? own_rows(buffers) : nullptr; });
  wait_all(requests);
  send_idx(buffers);
}

}  // namespace crossdock::peers
