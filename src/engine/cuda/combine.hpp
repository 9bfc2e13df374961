// Combine on a GPU. Flat rows, and rows of kPerSelection, are pulled by the tokens' ranks; those of the expert layouts
// are first gathered to one row a (token, rank): in the own window for a pull, or, in latency mode, pushed at once.
#pragma once

#include <memory>

#include "crossdock/group.hpp"
#include "engine/cuda/context.hpp"
#include "engine/cuda/handle.hpp"
#include "engine/pending.hpp"

namespace crossdock::engine::cuda {

struct PendingCombine : Pending {
  std::shared_ptr<CudaContext> context;
  std::shared_ptr<const CudaHandle> plan;
  CombineInput input;
  CombineOptions options;
  DType wire_dtype = DType::kBf16;
  std::int64_t hidden = 0;
  Launch launch;
  CallFacts facts;
  device::CallOutcome* outcome = nullptr;
  std::int64_t epoch = 0;
  int slot = -1;  ///< of a latency combine that is pushed
  bool received = false;

  Reservation temporary;  ///< copies, gathered rows
  Reservation output;
  CombineResult result;

  /// Latency: receives, so that the areas are free again.
  ~PendingCombine() override;
};

std::unique_ptr<PendingCombine> combine_send(const std::shared_ptr<CudaContext>& context,
                                             std::shared_ptr<const CudaHandle> plan, const CombineInput& input,
                                             const CombineOptions& options);
/// `directly`: nothing of the caller's lies between it and its send on the stream.
void combine_receive(PendingCombine& state, bool directly);

}  // namespace crossdock::engine::cuda
