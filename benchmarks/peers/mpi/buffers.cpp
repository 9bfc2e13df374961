#include "mpi/buffers.hpp"

#include <climits>
#include <numeric>
#include <stdexcept>

namespace crossdock::peers {
namespace {

std::size_t all_rows(const Job& job) {
  const auto rows = static_cast<std::size_t>(job.tokens) * static_cast<std::size_t>(job.num_ranks);
  if (rows * job.row_bytes() > INT_MAX) throw std::invalid_argument("more bytes than the counts of MPI can say");
  return rows;
}

}  // namespace

void RowCounts::add_up() { std::exclusive_scan(rows.begin(), rows.end(), first.begin(), 0); }

Buffers::Buffers(const Job& its_job, int its_rank)
    : job(its_job),
      rank(its_rank),
      topk_idx(make_topk_idx(job, rank)),
      x(static_cast<std::size_t>(job.tokens) * job.row_bytes()),
      packed(all_rows(job) * job.row_bytes()),
      packed_idx(all_rows(job) * static_cast<std::size_t>(job.top_k) * sizeof(std::int32_t)),
      rows(packed.size()),
      rows_idx(packed_idx.size()),
      expert_outputs(packed.size()),
      returned(packed.size()),
      y(x.size()),
      slot(static_cast<std::size_t>(job.tokens) * static_cast<std::size_t>(job.num_ranks)),
      sent(job.num_ranks),
      received(job.num_ranks) {
  for (int expert = 0; expert < job.experts; ++expert) owner.push_back(job.rank_of(expert));
  fill_rows(job, Stream::kTokens, rank, x.as<std::uint16_t>());
  fill_rows(job, Stream::kExpertOutputs, rank, expert_outputs.as<std::uint16_t>());
}

}  // namespace crossdock::peers
