#include "engine/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace crossdock::engine {
namespace {

/// A lost process shows only when its socket is looked at: this often.
constexpr std::chrono::milliseconds kLookEvery{20};

}  // namespace

Error abort_error(int rank, const std::string& reason) {
  return {ErrorCode::kAborted,
          fmt::format("rank {} aborted the group: {}", rank, reason),
          {.operation = "abort", .rank = rank, .peer = rank}};
}

Faults::Faults(std::shared_ptr<transport::Transport> transport, const ControlLayout& control,
               const Membership& membership)
    : transport_(std::move(transport)),
      control_(control),
      membership_(membership),
      wait_times_(static_cast<std::size_t>(transport_->num_ranks())),
      epoch_{.epoch = membership.epoch, .live = membership.live} {}

void Faults::raise_sticky() const {
  const std::scoped_lock lock(mutex_);
  if (sticky_) throw Error(*sticky_);
}

bool Faults::is_faulty() const {
  const std::scoped_lock lock(mutex_);
  return sticky_.has_value();
}

std::optional<Error> Faults::status() {
  const WaitFor nothing{.operation = "status", .phase = "look"};
  try {
    raise_sticky();
    const Epoch now = snapshot();
    check_aborts(nothing, now.live, now.epoch);
    for (const int peer : now.live) {
      if (transport_->peer_state(peer) == transport::PeerState::kLost) {
        fail(ErrorCode::kRankLost, fmt::format("rank {} is gone: its process ended", peer), nothing, peer, 0,
             now.epoch);
      }
    }
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

void Faults::record(const Error& error, std::int64_t epoch, bool is_masked) noexcept {
  Epoch now;
  {
    const std::scoped_lock lock(mutex_);
    if (sticky_ || epoch != epoch_.epoch) return;
    sticky_ = error;
    now = epoch_;
  }
  AbortBlock block{.is_masked = is_masked ? 1 : 0};
  block.error.set(error);
  for (const int peer : now.live) {
    if (peer == transport_->rank()) continue;
    transport_->put(peer, control_.abort(transport_->rank()), std::as_bytes(std::span(&block, 1)));
    transport_->signal(peer, signal_index(SignalKind::kAbort), epoch_word(now.epoch));
  }
  transport_->wake();
}

void Faults::begin_epoch() {
  const std::scoped_lock lock(mutex_);
  sticky_.reset();
  epoch_ = {.epoch = membership_.epoch, .live = membership_.live};
}

Faults::Epoch Faults::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return epoch_;
}

std::optional<AbortBlock> Faults::abort_of(int peer, std::int64_t epoch) const {
  if (transport_->observed(peer, signal_index(SignalKind::kAbort)) != epoch_word(epoch)) {
    return std::nullopt;
  }
  AbortBlock block;
  std::memcpy(&block, transport_->window().data() + control_.abort(peer), sizeof block);
  return block;
}

void Faults::check_aborts(const WaitFor& what, std::span<const int> live, std::int64_t epoch) {
  if (!what.of_epoch) return;
  raise_sticky();
  for (const int peer : live) {
    const std::optional<AbortBlock> block = abort_of(peer, epoch);
    if (block && block->is_masked == 0) pass_on(*block, peer, what, epoch);
  }
}

void Faults::pass_on(const AbortBlock& block, int peer, const WaitFor& what, std::int64_t epoch) {
  const std::string text = block.error.text();
  // Whoever passes a report on leaves the name of the rank that made it.
  const bool is_passed_on = text.find("(reported by rank") != std::string::npos;
  const Error error(static_cast<ErrorCode>(block.error.code),
                    is_passed_on ? text : fmt::format("{} (reported by rank {})", text, peer),
                    {.operation = what.operation,
                     .phase = what.phase,
                     .rank = transport_->rank(),
                     .peer = block.error.peer,
                     .channel = what.slot,
                     .epoch = epoch,
                     .expected = block.error.expected,
                     .observed = block.error.observed});
  record(error, epoch, /*is_masked=*/false);
  throw Error(error);
}

void Faults::check_peers(const WaitFor& what, std::span<const int> pending) {
  const auto now = base::Clock::now();
  if (now < next_look_) return;
  next_look_ = now + kLookEvery;
  for (const int peer : pending) {
    const auto state = transport_->peer_state(peer);
    const std::optional<AbortBlock> masked = what.of_epoch ? abort_of(peer, membership_.epoch) : std::nullopt;
    // It may have done its part just before it went.
    if ((state == transport::PeerState::kAlive && !masked) || arrived(what, peer)) continue;
    if (masked) pass_on(*masked, peer, what, membership_.epoch);
    const char* how = state == transport::PeerState::kLost ? "is gone: its process ended" : "left the group";
    fail(ErrorCode::kRankLost,
         fmt::format("rank {} {} while rank {} waited for its {} of {}", peer, how, transport_->rank(), what.phase,
                     what.operation),
         what, peer, transport_->observed(peer, what.index), membership_.epoch);
  }
}

void Faults::give_up(const WaitFor& what, int pending) {
  const int culprit = find_culprit(pending);
  check_aborts(what);  // a peer that gave up first knows better
  fail(ErrorCode::kDeadlineExceeded,
       fmt::format("rank {} did not answer within {} ms: rank {} waited for the {} of {} from rank {}", culprit,
                   deadline().count(), transport_->rank(), what.phase, what.operation, pending),
       what, culprit, transport_->observed(pending, what.index), membership_.epoch);
}

void Faults::fail(ErrorCode code, const std::string& message, const WaitFor& what, int peer, std::uint64_t observed,
                  std::int64_t epoch) {
  const Error error(code, message,
                    {.operation = what.operation,
                     .phase = what.phase,
                     .rank = transport_->rank(),
                     .peer = peer,
                     .channel = what.slot,
                     .epoch = epoch,
                     .expected = sequence_of(what.tag),
                     .observed = sequence_of(observed)});
  if (what.of_epoch)
    record(error, epoch, /*is_masked=*/false);  // before the end of the wait shows, lest a peer blames this rank
  transport_->publish_wait(-1);
  throw Error(error);
}

void Faults::sleep(const WaitFor& what, std::uint32_t ticket, const base::Deadline& deadline,
                   std::span<const int> pending) {
  transport_->publish_wait(pending.front());
  const auto at_most = std::min<std::chrono::microseconds>(deadline.remaining(), kLookEvery);
  const auto start = base::Clock::now();
  transport_->sleep(ticket, at_most);
  if (!what.of_epoch) return;
  const auto slept = base::Clock::now() - start;
  for (const int source : pending) wait_times_[static_cast<std::size_t>(source)] += slept;
}

int Faults::find_culprit(int pending) const {
  int culprit = pending;
  for (int step = 0; step < transport_->num_ranks(); ++step) {
    const int next = transport_->peer_waits_for(culprit);
    if (next < 0 || next >= transport_->num_ranks()) return culprit;
    if (next == transport_->rank()) return pending;
    culprit = next;
  }
  return pending;  // a circle: no better answer
}

}  // namespace crossdock::engine
