#include "cpu/reference/layout_rows.hpp"

#include <fmt/format.h>

#include "base/math.hpp"
#include "core/contract/dispatch_contract.hpp"
#include "crossdock/error.hpp"

namespace crossdock::reference {
namespace {

LayoutRows flat_rows(const Job& job, int dst) {
  LayoutRows layout;
  for (int source = 0; source < job.num_ranks(); ++source) {
    for (std::int64_t token = 0; token < job.num_tokens(source); ++token) {
      if (job.goes_to(source, token, dst)) layout.rows.push_back({.source = source, .token = token});
    }
  }
  return layout;
}

/// The selections of local expert `expert`, a row each or, if `shared`, a row a token.
void append_expert(const Job& job, int dst, int expert, bool shared, std::vector<Row>& rows) {
  const int global = job.placement.first(dst) + expert;
  for (int source = 0; source < job.num_ranks(); ++source) {
    for (std::int64_t token = 0; token < job.num_tokens(source); ++token) {
      for (int k = 0; k < job.top_k(); ++k) {
        if (job.expert_of(source, token, k) != global) continue;
        rows.push_back({.local_expert = expert, .source = source, .token = token, .k = k});
        if (shared) break;
      }
    }
  }
}

LayoutRows contiguous_rows(const Job& job, int dst) {
  const auto alignment = static_cast<std::size_t>(job.common().expert_alignment);
  LayoutRows layout;
  for (int expert = 0; expert < job.placement.num_local(dst); ++expert) {
    layout.expert_offsets.push_back(static_cast<std::int64_t>(layout.rows.size()));
    append_expert(job, dst, expert, false, layout.rows);
    layout.rows.resize(base::round_up(layout.rows.size(), alignment));
  }
  layout.expert_offsets.push_back(static_cast<std::int64_t>(layout.rows.size()));
  return layout;
}

LayoutRows padded_rows(const Job& job, int dst) {
  const auto rows_per_expert =
      static_cast<std::size_t>(job.num_ranks()) * static_cast<std::size_t>(job.latency_max_tokens);
  LayoutRows layout;
  for (int expert = 0; expert < job.placement.num_local(dst); ++expert) {
    append_expert(job, dst, expert, true, layout.rows);
    layout.rows.resize((static_cast<std::size_t>(expert) + 1) * rows_per_expert);
  }
  return layout;
}

void check_capacity(const Job& job, int dst, std::int64_t needed) {
  const std::optional<std::int64_t> capacity = core::row_capacity(job.options[static_cast<std::size_t>(dst)]);
  if (!capacity || needed <= *capacity) return;
  throw Error(
      ErrorCode::kCapacityExceeded,
      fmt::format("dispatch: rank {}: expected at most max_recv_rows = {} rows, got {}", dst, *capacity, needed),
      Report{.operation = "dispatch", .phase = "reply", .peer = dst, .expected = needed, .observed = *capacity});
}

}  // namespace

LayoutRows rows_of(const Job& job, int dst) {
  switch (job.layout()) {
    case Layout::kFlat:
      return flat_rows(job, dst);
    case Layout::kExpertContiguous:
      return contiguous_rows(job, dst);
    case Layout::kExpertPadded:
      break;
  }
  return padded_rows(job, dst);
}

std::vector<LayoutRows> all_rows(const Job& job) {
  std::vector<LayoutRows> all(static_cast<std::size_t>(job.num_ranks()));
  for (const int dst : job.live) {
    LayoutRows& layout = all[static_cast<std::size_t>(dst)];
    layout = rows_of(job, dst);
    check_capacity(job, dst, static_cast<std::int64_t>(layout.rows.size()));
  }
  return all;
}

}  // namespace crossdock::reference
