// Dispatch between send and receive, and what its two modes share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/layout/wire_layout.hpp"
#include "cpu/fast/expand.hpp"
#include "crossdock/group.hpp"
#include "engine/arena.hpp"
#include "engine/call.hpp"
#include "engine/dispatch_call.hpp"
#include "engine/handle_state.hpp"
#include "engine/pending.hpp"

namespace crossdock::engine {

struct PendingDispatchState : Pending {
  std::shared_ptr<Context> context;
  DispatchOptions options;  ///< those that a handle fixes come from it
  RowFormat format;
  std::shared_ptr<HandleState> plan;  ///< the new handle; the routing of the old one where cached
  bool cached = false;
  core::WireShape shape;
  std::optional<Call> call;

  Reservation wire;       ///< throughput: where the peers' rows land
  bool credited = false;  ///< peers may write to it
  Reservation output;
  DispatchResult result;

  /// Memory that peers may still write to goes to quarantine.
  ~PendingDispatchState() override;
};

/// `handle` is looked at where `cached`.
std::unique_ptr<PendingDispatchState> dispatch_send(const std::shared_ptr<Context>& context, bool cached,
                                                    const HandleState* handle, const DispatchInput& input,
                                                    const DispatchOptions& options);
/// Fills state.result but for its handle.
void dispatch_receive(PendingDispatchState& state);

/// What all ranks of the dispatch have to agree on.
Agreement dispatch_agreement(const PendingDispatchState& state);
CallBlock dispatch_block(const PendingDispatchState& state, int peer);
/// Rows for each expert of the peer, as they follow the block.
std::vector<std::int64_t> rows_for_experts(const PendingDispatchState& state, int peer);
/// Everybody's counts, and the slots that follow from them. Nothing to do where cached.
void learn_counts(PendingDispatchState& state);
/// Stores this rank's rows into the targets.
void store(PendingDispatchState& state, const DispatchInput& input, std::span<const cpu::RowTarget> targets);

}  // namespace crossdock::engine
