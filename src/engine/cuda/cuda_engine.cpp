#include "engine/cuda/cuda_engine.hpp"

#include <utility>

#include "engine/cuda/combine.hpp"
#include "engine/cuda/dispatch.hpp"

namespace crossdock::engine::cuda {

CudaEngine::CudaEngine(Bootstrap& bootstrap, const GroupConfig& config, std::size_t window_bytes)
    : context_(std::make_shared<CudaContext>(bootstrap, config, window_bytes)) {}

crossdock::PendingDispatch CudaEngine::dispatch_send(const Handle* handle, const DispatchInput& input,
                                                     const DispatchOptions& options) {
  const auto facts = handle == nullptr ? nullptr : std::dynamic_pointer_cast<const CudaHandle>(facts_of(*handle));
  return make_dispatch(cuda::dispatch_send(context_, handle != nullptr, facts.get(), input, options));
}

DispatchResult CudaEngine::dispatch_receive(crossdock::PendingDispatch pending, bool directly) {
  auto& state = static_cast<PendingDispatch&>(state_of(pending));
  cuda::dispatch_receive(state, directly);
  state.result.handle = make_handle(state.plan);
  return std::move(state.result);
}

crossdock::PendingCombine CudaEngine::combine_send(const Handle& handle, const CombineInput& input,
                                                   const CombineOptions& options) {
  return make_combine(
      cuda::combine_send(context_, std::dynamic_pointer_cast<const CudaHandle>(facts_of(handle)), input, options));
}

CombineResult CudaEngine::combine_receive(crossdock::PendingCombine pending, bool directly) {
  auto& state = static_cast<PendingCombine&>(state_of(pending));
  cuda::combine_receive(state, directly);
  return std::move(state.result);
}

Group::Allocation CudaEngine::allocate(DType dtype, std::initializer_list<std::int64_t> shape) {
  TensorView view = dense_view(static_cast<void*>(nullptr), dtype, shape);
  Reservation reservation = context_->reserve(view.num_bytes());
  view.data = reservation.data;
  return {.view = view, .memory = std::move(reservation.memory)};
}

}  // namespace crossdock::engine::cuda
