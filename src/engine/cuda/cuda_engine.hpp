// The CUDA backend behind Group.
#pragma once

#include <memory>

#include "engine/cuda/context.hpp"
#include "engine/cuda/wait_times.hpp"
#include "engine/engine.hpp"

namespace crossdock::engine::cuda {

class CudaEngine : public Engine {
 public:
  /// Collective: connects host and GPUs and lays out a window of that size.
  CudaEngine(Bootstrap& bootstrap, const GroupConfig& config, std::size_t window_bytes);

  int rank() const override { return context_->rank(); }
  int num_ranks() const override { return context_->num_ranks(); }
  int num_nodes() const override { return 1; }
  int num_local_experts() const override { return context_->num_local_experts(); }
  std::int64_t epoch() const override { return context_->host->membership.epoch; }
  const GroupConfig& config() const override { return context_->config; }
  WindowSharing window_sharing() const override { return context_->windows->sharing(); }
  void* stream() const override { return context_->device->stream(); }

  crossdock::PendingDispatch dispatch_send(const Handle* handle, const DispatchInput& input,
                                           const DispatchOptions& options) override;
  DispatchResult dispatch_receive(crossdock::PendingDispatch pending, bool directly) override;
  crossdock::PendingCombine combine_send(const Handle& handle, const CombineInput& input,
                                         const CombineOptions& options) override;
  CombineResult combine_receive(crossdock::PendingCombine pending, bool directly) override;
  Group::Allocation allocate(DType dtype, std::initializer_list<std::int64_t> shape) override;

  void set_live_ranks(std::span<const int> live) override { context_->set_live_ranks(live); }
  const std::vector<int>& live_ranks() const override { return context_->host->membership.live; }
  std::vector<std::chrono::nanoseconds> wait_times() const override { return cuda::wait_times(*context_); }
  std::optional<Error> status() override { return context_->status(); }
  void abort(const std::string& reason) noexcept override { context_->abort(abort_error(rank(), reason)); }
  void set_deadline(std::chrono::milliseconds deadline) override { context_->set_deadline(deadline); }

 private:
  std::shared_ptr<CudaContext> context_;
};

}  // namespace crossdock::engine::cuda
