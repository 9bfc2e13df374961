#include "engine/membership.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

namespace crossdock::engine {
namespace {

void check_live(const Context& context, std::span<const int> live) {
  const bool ascending = std::ranges::adjacent_find(live, std::greater_equal<>()) == live.end();
  const bool in_range = !live.empty() && live.front() >= 0 && live.back() < context.num_ranks();
  if (ascending && in_range) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("set_live_ranks, rank {}: expected ascending ranks of [0, {}), got [{}]", context.rank(),
                          context.num_ranks(), fmt::join(live, ", ")));
}

void propose(Context& context, std::span<const int> live) {
  ++context.proposals_made;
  const ProposalBlock block{.epoch = context.membership.epoch,
                            .sequence = context.sequence,
                            .num_live = static_cast<std::int64_t>(live.size())};
  const std::size_t offset = context.layout.control().proposal(context.rank());
  for (const int peer : live) {
    context.transport->put(peer, offset, std::as_bytes(std::span(&block, 1)));
    context.transport->put(peer, offset + sizeof block, std::as_bytes(live));
    context.transport->signal(peer, signal_index(SignalKind::kPropose), context.proposals_made);
  }
}

/// A peer's proposal; throws OptionsMismatch where it names other ranks.
ProposalBlock read_proposal(const Context& context, std::span<const int> live, int peer) {
  const std::size_t offset = context.layout.control().proposal(peer);
  const auto block = context.read<ProposalBlock>(offset);
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(block.num_live, 0, context.num_ranks()));
  std::vector<int> theirs(count);
  std::memcpy(theirs.data(), context.transport->window().data() + offset + sizeof block, count * sizeof(int));
  if (!std::ranges::equal(theirs, live)) {
    throw Error(ErrorCode::kOptionsMismatch,
                fmt::format("set_live_ranks: rank {} has [{}], rank {} has [{}]", context.rank(), fmt::join(live, ", "),
                            peer, fmt::join(theirs, ", ")),
                {.operation = "set_live_ranks", .phase = "propose", .rank = context.rank(), .peer = peer});
  }
  return block;
}

WaitFor between_epochs(SignalKind kind, const char* phase, std::uint64_t word) {
  return {.operation = "set_live_ranks", .phase = phase, .index = signal_index(kind), .tag = word, .of_epoch = false};
}

/// Everybody's next proposal: an earlier one belongs to an attempt that failed. Returns the largest epoch and sequence.
ProposalBlock await_proposals(Context& context, std::span<const int> live) {
  ProposalBlock largest;
  for (const int peer : live) {
    const std::uint64_t next = context.proposals_seen[peer] + 1;
    context.faults.wait(between_epochs(SignalKind::kPropose, "proposal", next), std::span(&peer, 1));
    context.proposals_seen[peer] = context.transport->observed(peer, signal_index(SignalKind::kPropose));
    const ProposalBlock block = read_proposal(context, live, peer);
    largest.epoch = std::max(largest.epoch, block.epoch);
    largest.sequence = std::max(largest.sequence, block.sequence);
  }
  return largest;
}

void commit(Context& context, std::span<const int> live, std::int64_t epoch) {
  const std::uint64_t word = epoch_word(epoch);
  for (const int peer : live) context.transport->signal(peer, signal_index(SignalKind::kCommit), word);
  context.faults.wait(between_epochs(SignalKind::kCommit, "commit", word), live);
}

void enter_epoch(Context& context, std::span<const int> live, std::int64_t epoch, std::int64_t sequence) {
  context.membership.epoch = epoch;
  context.membership.live.assign(live.begin(), live.end());
  std::ranges::fill(context.membership.mask, std::uint8_t{0});
  for (const int rank : live) context.membership.mask[rank] = 1;
  context.sequence = sequence;
  context.slot_busy.fill(false);
  context.slot_tag.fill(0);
  std::ranges::fill(context.latency_tag, std::uint64_t{0});
  context.quarantine.purge();
}

}  // namespace

Membership first_membership(int num_ranks) {
  Membership membership{.mask = std::vector<std::uint8_t>(static_cast<std::size_t>(num_ranks), 1)};
  membership.live.resize(static_cast<std::size_t>(num_ranks));
  std::iota(membership.live.begin(), membership.live.end(), 0);
  return membership;
}

void set_live_ranks(Context& context, std::span<const int> live, const std::function<void(std::int64_t)>& prepare) {
  check_live(context, live);
  if (std::ranges::find(live, context.rank()) == live.end()) {
    context.faults.record_mask(
        Error(ErrorCode::kAborted,
              fmt::format("rank {} is masked: live ranks are [{}]", context.rank(), fmt::join(live, ", ")),
              {.operation = "set_live_ranks", .rank = context.rank(), .peer = context.rank()}));
    return;
  }
  propose(context, live);
  const ProposalBlock largest = await_proposals(context, live);
  try {
    prepare(largest.epoch + 1);
    commit(context, live, largest.epoch + 1);
  } catch (const Error& error) {
    context.faults.record(error);  // peers may be in the new epoch: no call is right until there is another one
    throw;
  }
  enter_epoch(context, live, largest.epoch + 1, largest.sequence);
  context.faults.begin_epoch();
}

}  // namespace crossdock::engine
