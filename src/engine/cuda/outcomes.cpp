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

/// What `rank` left for this call, unless it has rejected so many since that another text has the place.
std::optional<ErrorText> read_rejection(const CallFacts& facts, int rank, const Context& host) {
  const int slot = rejection_slot(facts.sequence);
  const std::uint64_t tag = make_tag(facts.epoch, facts.sequence);
  const auto is_there = [&] { return host.transport->observed(rank, signal_index(SignalKind::kCall, slot)) == tag; };
  if (!is_there()) return std::nullopt;
  const auto block = host.read<CallBlock>(host.layout.control().call(slot, rank));
  std::atomic_thread_fence(std::memory_order_acquire);
  if (!is_there()) return std::nullopt;  // it was written over meanwhile
  return block.rejected;
}

/// The text came over the host; only the code came over the GPU.
Error rejection(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  const std::optional<ErrorText> left = read_rejection(facts, outcome.rank, host);
  const std::string text = left ? left->text() : std::string(name_of(static_cast<ErrorCode>(outcome.theirs)));
  Report report = report_of(outcome, facts, host.rank());
  if (left) {
    report.expected = left->expected;
    report.observed = left->observed;
  }
  return {ErrorCode::kRejectedByPeer,
          fmt::format("{}, rank {}: rank {} rejected its call: {}", facts.operation, host.rank(), outcome.rank, text),
          report};
}

Error mismatch(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  const auto field = static_cast<Agreed>(outcome.field);
  Agreement mine = facts.agreement;
  if (field == Agreed::kDispatchFailed) mine.set(field, 1 - outcome.theirs);  // which the kernels gave
  Agreement theirs = mine;
  theirs.set(field, outcome.theirs);
  const auto difference = mine.difference(theirs, host.rank(), outcome.rank);
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

std::optional<Error> error_of(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host) {
  switch (outcome.state) {
    case device::CallState::kRejectedByPeer:
      return rejection(outcome, facts, host);
    case device::CallState::kMismatch:
      return mismatch(outcome, facts, host);
    case device::CallState::kCapacityExceeded:
      return refusal(outcome, facts, host);
    case device::CallState::kDone:
    case device::CallState::kGaveUp:
      break;
  }
  return std::nullopt;
}

std::uint64_t load(const std::uint64_t& word) {
  return std::atomic_ref(const_cast<std::uint64_t&>(word)).load(std::memory_order_acquire);
}

}  // namespace

device::CallOutcome* Outcomes::take(const CallFacts& facts, bool captured, bool awaited) {
  const std::scoped_lock lock(mutex_);
  if (captured && captured_ == kCapturedOutcomes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected at most {} captured calls in a group's life, got one more", facts.operation,
                            kCapturedOutcomes));
  }
  const std::size_t place = captured ? kOutcomeRing + captured_++ : next_++ % kOutcomeRing;
  calls_[place] = {.facts = facts, .awaited = awaited};
  words_.outcomes[place] = {.failed = &words_.failed};
  return &words_.outcomes[place];
}

void Outcomes::let_go(const device::CallOutcome& outcome) {
  const std::scoped_lock lock(mutex_);
  call_of(outcome).awaited = false;
  std::atomic_ref(words_.failed).store(1);  // it may have been looked at
}

bool Outcomes::has_ended(const device::CallOutcome& outcome) {
  return load(outcome.tag) != 0 && outcome.state != device::CallState::kGaveUp;
}

std::optional<Error> Outcomes::failure_of(const device::CallOutcome& outcome, const Context& host) {
  const std::scoped_lock lock(mutex_);
  return error_of(outcome, call_of(outcome).facts, host);
}

std::optional<Error> Outcomes::next_failure(const Context& host) {
  const std::scoped_lock lock(mutex_);
  const std::atomic_ref failed(words_.failed);
  if (failed.load(std::memory_order_acquire) == 0) return std::nullopt;
  failed.store(0);  // before the look: what is written after it sets the word again
  std::atomic_thread_fence(std::memory_order_seq_cst);
  for (std::size_t place = 0; place < kOutcomeRing + captured_; ++place) {
    const device::CallOutcome& outcome = words_.outcomes[place];
    Call& call = calls_[place];
    const std::uint64_t tag = load(outcome.tag);
    if (tag == call.told || call.awaited) continue;
    call.told = tag;
    auto error = error_of(outcome, call.facts, host);
    if (!error) continue;
    failed.store(1);  // there may be more
    return error;
  }
  return std::nullopt;
}

void Outcomes::forget() {
  const std::scoped_lock lock(mutex_);
  for (device::CallOutcome& outcome : words_.outcomes) {
    outcome.tag = 0;
    outcome.state = device::CallState::kDone;
  }
  for (Call& call : calls_) call.told = 0;
  words_.failed = 0;
}

}  // namespace crossdock::engine::cuda
