// The job that every program does, and its inputs, which any program makes alone: a function of (seed, rank, row).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace crossdock::peers {

struct Job {
  int num_ranks = 1;
  int tokens = 1024;  ///< a rank
  int hidden = 7168;  ///< a multiple of 128
  int top_k = 8;
  int experts = 64;  ///< contiguous; the first experts % num_ranks ranks hold one more
  std::uint64_t seed = 1;

  std::size_t row_bytes() const { return static_cast<std::size_t>(hidden) * sizeof(std::uint16_t); }
  int first_expert(int rank) const;
  int rank_of(int expert) const;
};

/// [tokens, top_k]: different experts a token, uniform.
std::vector<std::int32_t> make_topk_idx(const Job& job, int rank);

/// Rows of bf16 in [rows, hidden]. Exponents lie so far apart that sums in another order have other bits.
enum class Stream : std::uint64_t { kTokens = 1, kExpertOutputs = 2 };
void fill_rows(const Job& job, Stream stream, int rank, std::span<std::uint16_t> rows);

}  // namespace crossdock::peers
