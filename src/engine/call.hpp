// One collective call of this rank: its slot, its tag, its messages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/context.hpp"
#include "engine/control.hpp"

namespace crossdock::engine {

/// Takes the next sequence number and its slot when made; gives the slot back, here and at the peers, when finished or
/// destroyed.
class Call {
 public:
  /// Waits until every live rank is done with the call that had the slot before.
  Call(std::shared_ptr<Context> context, const char* operation);
  Call(Call&& other) noexcept = default;
  Call& operator=(Call&&) = delete;
  ~Call() { finish(); }

  Context& context() const { return *context_; }
  std::uint64_t tag() const { return tag_; }
  int slot() const { return slot_; }
  std::int64_t epoch() const { return epoch_; }
  bool is_open() const { return context_ != nullptr; }
  /// Ranks of the epoch in which the call was made.
  const std::vector<int>& live() const { return live_; }
  /// Throws InvalidHandle where a new epoch has begun since.
  void check_epoch() const;

  void post(int peer, CallBlock block, std::span<const std::int64_t> per_expert) const;
  /// Tells the peers that this rank's call was rejected.
  void reject(const Error& error) const;
  /// Everybody's first message. Throws RejectedByPeer or OptionsMismatch as soon as one arrives that says so.
  void await_calls(const Agreement& agreement) const;

  void signal(int peer, SignalKind kind) const;
  void signal_live(SignalKind kind) const;
  WaitFor wait_for(SignalKind kind, const char* phase) const;
  void await(SignalKind kind, const char* phase) const;

  CallBlock call_block(int source) const;
  std::vector<std::int64_t> per_expert(int source, int count) const;

  void finish() noexcept;

 private:
  void check_call(int source, const Agreement& agreement) const;

  std::shared_ptr<Context> context_;
  const char* operation_ = "";
  std::uint64_t tag_ = 0;
  std::int64_t epoch_ = 0;
  std::vector<int> live_;  ///< of the epoch
  int slot_ = 0;
};

}  // namespace crossdock::engine
