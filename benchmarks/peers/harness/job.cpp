#include "harness/job.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace crossdock::peers {
namespace {

// splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
std::uint64_t mix(std::uint64_t state) {
  state += 0x9E3779B97F4A7C15U;
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9U;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBU;
  return state ^ (state >> 31);
}

std::uint64_t key_of(const Job& job, std::uint64_t stream, int rank) {
  return mix(mix(job.seed) ^ (stream << 32) ^ static_cast<std::uint64_t>(rank));
}

// 16 random bits -> sign, 7 bits of mantissa, and an exponent of 2^-8 to 2^7.
std::uint16_t to_bf16(std::uint64_t bits) {
  const std::uint64_t exponent = 119 + ((bits >> 8) & 15);
  return static_cast<std::uint16_t>((bits & 0x8000) | (exponent << 7) | (bits & 0x7F));
}

}  // namespace

int Job::first_expert(int rank) const { return rank * (experts / num_ranks) + std::min(rank, experts % num_ranks); }

int Job::rank_of(int expert) const {
  int rank = 0;
  while (expert >= first_expert(rank + 1)) ++rank;
  return rank;
}

std::vector<std::int32_t> make_topk_idx(const Job& job, int rank) {
  const std::uint64_t key = key_of(job, 3, rank);
  std::vector<std::int32_t> topk_idx;
  std::vector<std::int32_t> experts(static_cast<std::size_t>(job.experts));
  for (int token = 0; token < job.tokens; ++token) {
    std::iota(experts.begin(), experts.end(), 0);
    for (int k = 0; k < job.top_k; ++k) {
      const std::uint64_t random = mix(key + static_cast<std::uint64_t>(token) * 64 + static_cast<std::uint64_t>(k));
      const std::size_t chosen = k + random % static_cast<std::uint64_t>(job.experts - k);
      std::swap(experts[k], experts[chosen]);
      topk_idx.push_back(experts[k]);
    }
  }
  return topk_idx;
}

void fill_rows(const Job& job, Stream stream, int rank, std::span<std::uint16_t> rows) {
  const std::uint64_t key = key_of(job, static_cast<std::uint64_t>(stream), rank);
  for (std::size_t i = 0; i < rows.size(); i += 4) {
    const std::uint64_t random = mix(key + i);
    for (std::size_t lane = 0; lane < 4; ++lane) rows[i + lane] = to_bf16(random >> (16 * lane));
  }
}

}  // namespace crossdock::peers
