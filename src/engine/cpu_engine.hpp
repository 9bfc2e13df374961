// The CPU backend behind Group.
#pragma once

#include <memory>

#include "engine/context.hpp"
#include "engine/engine.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::engine {

class CpuEngine : public Engine {
 public:
  /// Collective: connects the transport and lays out a window of that size.
  CpuEngine(Bootstrap& bootstrap, const GroupConfig& config, std::size_t window_bytes);

  int rank() const override { return context_->rank(); }
  int num_ranks() const override { return context_->num_ranks(); }
  int num_nodes() const override { return context_->topology.num_nodes(); }
  int num_local_experts() const override { return context_->num_local_experts(rank()); }
  std::int64_t epoch() const override { return context_->membership.epoch; }
  const GroupConfig& config() const override { return context_->config; }
  WindowSharing window_sharing() const override { return window_sharing_; }
  void* stream() const override { return nullptr; }

  PendingDispatch dispatch_send(const Handle* handle, const DispatchInput& input,
                                const DispatchOptions& options) override;
  DispatchResult dispatch_receive(PendingDispatch pending, bool directly) override;
  PendingCombine combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options) override;
  CombineResult combine_receive(PendingCombine pending, bool directly) override;
  Group::Allocation allocate(DType dtype, std::initializer_list<std::int64_t> shape) override;

  void set_live_ranks(std::span<const int> live) override;
  const std::vector<int>& live_ranks() const override { return context_->membership.live; }
  std::vector<std::chrono::nanoseconds> wait_times() const override { return context_->faults.wait_times(); }
  std::optional<Error> status() override { return context_->faults.status(); }
  void abort(const std::string& reason) noexcept override;
  void set_deadline(std::chrono::milliseconds deadline) override { context_->faults.set_deadline(deadline); }

 private:
  std::shared_ptr<Context> context_;
  WindowSharing window_sharing_;
};

}  // namespace crossdock::engine
