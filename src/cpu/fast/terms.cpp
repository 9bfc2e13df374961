#include "cpu/fast/terms.hpp"

#include <iterator>

#include "base/assert.hpp"
#include "core/routing/route.hpp"

namespace crossdock::cpu {

TermList::TermList(const ReduceJob& job, std::int64_t begin)
    : job_(job),
      row_bytes_(static_cast<std::size_t>(job.hidden) * size_of(job.row_dtype)),
      rank_rows_(*job.route, begin) {}

void TermList::list(std::int64_t begin, std::int64_t end) {
  CROSSDOCK_ASSERT(end - begin <= kTokensAtOnce);
  begin_ = begin;
  terms_.clear();
  for (std::int64_t token = begin; token < end; ++token) {
    token_terms_.clear();
    job_.layout == Layout::kFlat ? take_ranks(token) : sort_selections(token);
    mark_ends();
    for (const Ranked& ranked : token_terms_) terms_.push_back(ranked.term);
    first_[token - begin + 1] = terms_.size();
  }
}

std::span<const SumTerm> TermList::of(std::int64_t token) const {
  const std::size_t first = first_[token - begin_];
  return std::span(terms_).subspan(first, first_[token - begin_ + 1] - first);
}

void TermList::take_ranks(std::int64_t token) {
  rank_rows_.take(token, [&](int rank, std::int64_t ordinal) {
    token_terms_.push_back({.rank = rank, .term = {.row = row_at(rank, 0, ordinal)}});
  });
}

void TermList::sort_selections(std::int64_t token) {
  for (int k = 0; k < job_.route->top_k; ++k) {
    const core::Selection& selection = job_.route->at(token, k);
    if (selection.rank < 0) continue;
    // Few terms: inserting into place beats sorting. Equal ranks keep the order of k.
    auto place = token_terms_.end();
    while (place != token_terms_.begin() && std::prev(place)->rank > selection.rank) --place;
    const std::byte* row = row_at(selection.rank, selection.local_expert, selection.ordinal);
    const float weight = job_.weights != nullptr ? job_.weights[token * job_.route->top_k + k] : 1.0F;
    token_terms_.insert(place, {.rank = selection.rank, .term = {.row = row, .weight = weight}});
  }
}

const std::byte* TermList::row_at(int rank, int entry, std::int64_t ordinal) const {
  const PeerRows& peer = job_.peers[rank];
  return peer.rows + row_bytes_ * static_cast<std::size_t>(peer.first_row[entry] + ordinal);
}

void TermList::mark_ends() {
  for (std::size_t i = 0; i + 1 < token_terms_.size(); ++i) {
    const int rank = token_terms_[i].rank;
    const int next = token_terms_[i + 1].rank;
    token_terms_[i].term.ends_rank = next != rank;
    token_terms_[i].term.ends_node = job_.topology.node_of(next) != job_.topology.node_of(rank);
  }
}

}  // namespace crossdock::cpu
