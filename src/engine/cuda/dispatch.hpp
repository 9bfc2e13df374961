// Dispatch on a GPU between send and receive, and what its two modes share.
#pragma once

#include <memory>

#include "crossdock/group.hpp"
#include "device/port/board.hpp"
#include "engine/cuda/context.hpp"
#include "engine/cuda/handle.hpp"
#include "engine/dispatch_call.hpp"
#include "engine/output_table.hpp"
#include "engine/pending.hpp"

namespace crossdock::engine::cuda {

struct PendingDispatch : Pending {
  std::shared_ptr<CudaContext> context;
  DispatchInput input;      ///< of send: rows are dense there, scales too where they were made inside
  DispatchOptions options;  ///< those that a handle fixes come from it
  RowFormat format;
  std::shared_ptr<CudaHandle> plan;
  bool cached = false;
  Launch launch;
  CallFacts facts;
  device::CallOutcome* outcome = nullptr;
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;
  int slot = -1;  ///< latency mode
  bool received = false;

  Reservation temporary;     ///< until receive: outputs do not lie where rows were made
  Reservation small;         ///< kFlat: what lies beside x. kExpertContiguous: what arrives, but for the handle's part
  Reservation rows;          ///< kFlat: x
  device::Offer offer = {};  ///< where rows arrive
  OutputTable table;
  Reservation output;
  DispatchResult result;

  /// Latency: receives, so that the areas are free again.
  ~PendingDispatch() override;
};

std::unique_ptr<PendingDispatch> dispatch_send(const std::shared_ptr<CudaContext>& context, bool cached,
                                               const CudaHandle* handle, const DispatchInput& input,
                                               const DispatchOptions& options);
/// `directly`: nothing of the caller's lies between it and its send on the stream.
void dispatch_receive(PendingDispatch& state, bool directly);

/// The host waits for the count, and outputs have that size.
bool is_exact(const PendingDispatch& state);
/// Rows that may arrive at this rank, one a (token, rank).
std::int64_t most_wire_rows(const PendingDispatch& state, std::int64_t tokens_per_rank);
/// Bytes of a row, and of its scales, as they travel.
std::int64_t row_bytes(const RowFormat& format);

/// x with dense rows at a multiple of 16 bytes, and FP8 where it is made inside: state.input is replaced where it has
/// to be. The memory is free for what follows on the stream once it is dropped.
Reservation prepare_rows(PendingDispatch& state);

/// Reserves state.table and hands its addresses to the views.
void reserve_outputs(PendingDispatch& state);
void add_scales(PendingDispatch& state, OutputTable& table, std::initializer_list<std::int64_t> shape);
/// A replay of a captured call uses all its memory again: the result keeps it, and the handle's.
void keep_for_replays(PendingDispatch& state);
/// A row count that the host did not wait for lies in device memory.
void add_counts(PendingDispatch& state);

}  // namespace crossdock::engine::cuda
