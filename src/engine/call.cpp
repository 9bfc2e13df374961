#include "engine/call.hpp"

#include <fmt/format.h>

#include <cstring>

namespace crossdock::engine {

Call::Call(std::shared_ptr<Context> context, const char* operation) : operation_(operation) {
  context->faults.raise_sticky();
  epoch_ = context->membership.epoch;
  live_ = context->live();
  tag_ = make_tag(epoch_, context->sequence);
  slot_ = static_cast<int>(context->sequence % kNumSlots);
  if (context->slot_busy[slot_]) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}, rank {}: expected at most {} calls between send and receive, got one more", operation,
                            context->rank(), kNumSlots));
  }
  if (const std::uint64_t previous = context->slot_tag[slot_]; previous != 0) {
    const WaitFor free{.operation = operation,
                       .phase = "release",
                       .slot = slot_,
                       .index = signal_index(SignalKind::kRelease, slot_),
                       .tag = previous};
    context->faults.wait(free, live_);
  }
  ++context->sequence;
  context->slot_busy[slot_] = true;
  context->slot_tag[slot_] = tag_;
  context_ = std::move(context);
}

void Call::post(int peer, CallBlock block, std::span<const std::int64_t> per_expert) const {
  block.tag = tag_;
  const ControlLayout& control = context_->layout.control();
  context_->transport->put(peer, control.call(slot_, context_->rank()), std::as_bytes(std::span(&block, 1)));
  context_->transport->put(peer, control.per_expert(slot_, context_->rank()), std::as_bytes(per_expert));
  signal(peer, SignalKind::kCall);
}

void Call::reject(const Error& error) const {
  CallBlock block;
  block.rejected.set(error);
  for (const int peer : live_) post(peer, block, {});
}

void Call::await_calls(const Agreement& agreement) const {
  context_->faults.wait(wait_for(SignalKind::kCall, "call"), live_, [&](int source) { check_call(source, agreement); });
}

void Call::check_call(int source, const Agreement& agreement) const {
  const CallBlock block = call_block(source);
  const Report report{.operation = operation_,
                      .phase = "call",
                      .rank = context_->rank(),
                      .peer = source,
                      .channel = slot_,
                      .epoch = epoch_,
                      .expected = block.rejected.expected,
                      .observed = block.rejected.observed};
  if (block.rejected.code >= 0) {
    throw Error(ErrorCode::kRejectedByPeer,
                fmt::format("{}, rank {}: rank {} rejected its call: {}", operation_, context_->rank(), source,
                            block.rejected.text()),
                report);
  }
  if (const auto difference = agreement.difference(block.agreement, context_->rank(), source)) {
    throw Error(ErrorCode::kOptionsMismatch, fmt::format("{}: {}", operation_, *difference), report);
  }
}

void Call::signal(int peer, SignalKind kind) const {
  context_->transport->signal(peer, signal_index(kind, slot_), tag_);
}

void Call::signal_live(SignalKind kind) const {
  if (epoch_ != context_->membership.epoch) return;  // the words belong to calls of the new epoch
  for (const int peer : live_) signal(peer, kind);
}

WaitFor Call::wait_for(SignalKind kind, const char* phase) const {
  return {.operation = operation_, .phase = phase, .slot = slot_, .index = signal_index(kind, slot_), .tag = tag_};
}

void Call::await(SignalKind kind, const char* phase) const { context_->faults.wait(wait_for(kind, phase), live_); }

void Call::check_epoch() const {
  const std::int64_t now = context_->membership.epoch;
  if (epoch_ == now) return;
  throw Error(ErrorCode::kInvalidHandle,
              fmt::format("{}, rank {}: expected a call of epoch {}, got one of epoch {}", operation_, context_->rank(),
                          now, epoch_),
              {.operation = operation_,
               .phase = "receive",
               .rank = context_->rank(),
               .peer = context_->rank(),
               .epoch = epoch_});
}

CallBlock Call::call_block(int source) const {
  return context_->read<CallBlock>(context_->layout.control().call(slot_, source));
}

std::vector<std::int64_t> Call::per_expert(int source, int count) const {
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  const std::byte* from = context_->transport->window().data() + context_->layout.control().per_expert(slot_, source);
  std::memcpy(values.data(), from, values.size() * sizeof(std::int64_t));
  return values;
}

void Call::finish() noexcept {
  if (context_ == nullptr) return;
  if (epoch_ == context_->membership.epoch) context_->slot_busy[slot_] = false;
  signal_live(SignalKind::kRelease);
  context_.reset();
}

}  // namespace crossdock::engine
