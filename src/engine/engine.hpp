// Builds what a group needs, and keeps it.
#pragma once

#include <memory>

#include "crossdock/group.hpp"
#include "engine/combine.hpp"
#include "engine/context.hpp"
#include "engine/dispatch.hpp"
#include "engine/handle_state.hpp"

namespace crossdock::engine {

/// Collective: checks that configurations agree, connects the transport, lays out the window.
std::shared_ptr<Context> make_context(const World& world, const GroupConfig& config);

/// The friend of the public classes: turns states into what callers hold, and back.
class Engine {
 public:
  explicit Engine(std::shared_ptr<Context> context) : context_(std::move(context)) {}

  Context& context() const { return *context_; }

  PendingDispatch dispatch_send(bool cached, const Handle& handle, const DispatchInput& input,
                                const DispatchOptions& options);
  DispatchResult dispatch_receive(PendingDispatch pending);
  PendingCombine combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options);
  CombineResult combine_receive(PendingCombine pending);

  static const HandleState* state_of(const Handle& handle) { return handle.state_.get(); }

 private:
  std::shared_ptr<Context> context_;
};

}  // namespace crossdock::engine
