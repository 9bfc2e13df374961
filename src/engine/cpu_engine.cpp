#include "engine/cpu_engine.hpp"

#include <utility>

#include "base/float_environment.hpp"
#include "engine/combine.hpp"
#include "engine/dispatch.hpp"
#include "engine/handle_state.hpp"
#include "engine/membership.hpp"
#include "transport/local/connect.hpp"

namespace crossdock::engine {

CpuEngine::CpuEngine(Bootstrap& bootstrap, const GroupConfig& config, std::size_t window_bytes)
    : window_sharing_(bootstrap.same_process() ? WindowSharing::kAddresses : WindowSharing::kFileDescriptors) {
  // Part of what ranks agree on: one that gets no threads fails on all.
  transport::connect_local(bootstrap,
                           {.window_bytes = window_bytes, .num_signals = num_signals(), .deadline = config.deadline},
                           [&](std::unique_ptr<transport::Transport> connected) {
                             context_ = std::make_shared<Context>(config, bootstrap.num_ranks(), std::move(connected));
                           });
}

PendingDispatch CpuEngine::dispatch_send(const Handle* handle, const DispatchInput& input,
                                         const DispatchOptions& options) {
  const base::FloatEnvironment environment;
  const auto facts = handle == nullptr ? nullptr : facts_of(*handle);
  return make_dispatch(engine::dispatch_send(context_, handle != nullptr, dynamic_cast<const HandleState*>(facts.get()),
                                             input, options));
}

DispatchResult CpuEngine::dispatch_receive(PendingDispatch pending, bool /*directly*/) {
  const base::FloatEnvironment environment;
  auto& state = static_cast<PendingDispatchState&>(state_of(pending));
  engine::dispatch_receive(state);
  state.result.handle = make_handle(state.plan);
  return std::move(state.result);
}

PendingCombine CpuEngine::combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options) {
  const base::FloatEnvironment environment;
  return make_combine(
      engine::combine_send(context_, std::dynamic_pointer_cast<const HandleState>(facts_of(handle)), input, options));
}

CombineResult CpuEngine::combine_receive(PendingCombine pending, bool /*directly*/) {
  const base::FloatEnvironment environment;
  auto& state = static_cast<PendingCombineState&>(state_of(pending));
  engine::combine_receive(state);
  return std::move(state.result);
}

Group::Allocation CpuEngine::allocate(DType dtype, std::initializer_list<std::int64_t> shape) {
  TensorView view = dense_view(static_cast<void*>(nullptr), dtype, shape);
  Reservation reservation = context_->reserve(view.num_bytes());
  view.data = reservation.data;
  return {.view = view, .memory = std::move(reservation.memory)};
}

void CpuEngine::set_live_ranks(std::span<const int> live) { engine::set_live_ranks(*context_, live); }

void CpuEngine::abort(const std::string& reason) noexcept { context_->faults.record(abort_error(rank(), reason)); }

}  // namespace crossdock::engine
