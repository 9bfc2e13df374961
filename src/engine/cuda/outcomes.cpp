#include "engine/cuda/outcomes.hpp"

#include <fmt/format.h>

#include <atomic>
#include <optional>

#include "crossdock/error.hpp"

namespace crossdock::engine::cuda {
namespace {

Report report_of(const device::CallOutcome& outcome, const CallFacts& facts, int rank) {
  return {.operation = facts.operation, .phase = "call", .rank = rank, .peer = outcome.rank, .epoch = facts.epoch};
}

/// The text came over the host; only the code came over the GPU.
Error rejection(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  const auto block = host.read<CallBlock>(host.layout.control().call(0, outcome.rank));
  const std::string text = block.rejected.code == outcome.theirs
                               ? block.rejected.text()
                               : std::string(name_of(static_cast<ErrorCode>(outcome.theirs)));
  Report report = report_of(outcome, facts, host.rank());
  report.expected = block.rejected.expected;
  report.observed = block.rejected.observed;
  return {ErrorCode::kRejectedByPeer,
          fmt::format("{}, rank {}: rank {} rejected its call: {}", facts.operation, host.rank(), outcome.rank, text),
          report};
}

Error mismatch(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  Agreement theirs = facts.agreement;
  theirs.set(static_cast<Agreed>(outcome.field), outcome.theirs);
  const auto difference = facts.agreement.difference(theirs, host.rank(), outcome.rank);
  return {ErrorCode::kOptionsMismatch, fmt::format("{}: {}", facts.operation, difference.value_or("options")),
          report_of(outcome, facts, host.rank())};
}

Error refusal(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  Report report = report_of(outcome, facts, host.rank());
  report.phase = "reply";
  report.expected = outcome.rows_needed;
  report.observed = outcome.rows_taken;
  return {ErrorCode::kCapacityExceeded,
          fmt::format("dispatch: rank {} would receive {} rows, max_recv_rows is {}", outcome.rank, outcome.rows_needed,
                      outcome.rows_taken),
          report};
}

}  // namespace

device::CallOutcome* Outcomes::take(const CallFacts& facts, bool captured) {
  std::size_t place = 0;
  if (captured) {
    if (captured_ == kCapturedOutcomes) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected at most {} captured calls in a group's life, got one more", facts.operation,
                              kCapturedOutcomes));
    }
    place = static_cast<std::size_t>(kOutcomeRing + captured_++);
  } else {
    place = static_cast<std::size_t>(next_++ % kOutcomeRing);
    looked_at_ = std::max(looked_at_, next_ - kOutcomeRing);
  }
  facts_[place] = facts;
  words_.outcomes[place] = {};
  return &words_.outcomes[place];
}

bool Outcomes::is_written(const device::CallOutcome& outcome) {
  return std::atomic_ref(const_cast<std::uint64_t&>(outcome.tag)).load(std::memory_order_acquire) != 0;
}

void Outcomes::raise(const device::CallOutcome& outcome, const Context& host) const {
  raise(outcome, facts_[static_cast<std::size_t>(&outcome - words_.outcomes)], host);
}

void Outcomes::raise(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  switch (outcome.state) {
    case device::CallState::kRejectedByPeer:
      throw rejection(outcome, facts, host);
    case device::CallState::kMismatch:
      throw mismatch(outcome, facts, host);
    case device::CallState::kCapacityExceeded:
      throw refusal(outcome, facts, host);
    case device::CallState::kDone:
    case device::CallState::kGaveUp:
      return;
  }
}

void Outcomes::raise_new(const Context& host) {
  while (looked_at_ < next_ && is_written(words_.outcomes[looked_at_ % kOutcomeRing])) {
    raise(words_.outcomes[looked_at_++ % kOutcomeRing], host);
  }
  // A replay may write its outcome again: it is taken out before it is thrown.
  for (int i = 0; i < captured_; ++i) {
    device::CallOutcome& outcome = words_.outcomes[kOutcomeRing + i];
    if (!is_written(outcome)) continue;
    const device::CallOutcome copy = outcome;
    outcome.tag = 0;
    raise(copy, facts_[static_cast<std::size_t>(kOutcomeRing + i)], host);
  }
}

void Outcomes::forget() {
  looked_at_ = next_;
  for (int i = 0; i < captured_; ++i) words_.outcomes[kOutcomeRing + i] = {};
}

}  // namespace crossdock::engine::cuda
