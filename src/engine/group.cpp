#include "crossdock/group.hpp"

#include "engine/engine.hpp"

namespace crossdock {

Layout Handle::layout() const { return state_->layout; }
ReductionTree Handle::tree() const { return state_->tree; }
std::int64_t Handle::num_tokens() const { return state_->num_tokens(); }
std::int64_t Handle::num_rows() const { return state_->num_rows(); }

PendingDispatch::PendingDispatch(std::unique_ptr<engine::Pending> state) : state_(std::move(state)) {}
PendingDispatch::PendingDispatch(PendingDispatch&&) noexcept = default;
PendingDispatch& PendingDispatch::operator=(PendingDispatch&&) noexcept = default;
PendingDispatch::~PendingDispatch() = default;

PendingCombine::PendingCombine(std::unique_ptr<engine::Pending> state) : state_(std::move(state)) {}
PendingCombine::PendingCombine(PendingCombine&&) noexcept = default;
PendingCombine& PendingCombine::operator=(PendingCombine&&) noexcept = default;
PendingCombine::~PendingCombine() = default;

Group::Group(const World& world, const GroupConfig& config) : engine_(engine::make_engine(world, config)) {}
Group::Group(Group&&) noexcept = default;
Group& Group::operator=(Group&&) noexcept = default;
Group::~Group() = default;

int Group::rank() const { return engine_->rank(); }
int Group::num_ranks() const { return engine_->num_ranks(); }
int Group::num_nodes() const { return engine_->num_nodes(); }
int Group::num_local_experts() const { return engine_->num_local_experts(); }
ExpertPlacement Group::placement() const { return {.num_experts = config().num_experts, .num_ranks = num_ranks()}; }
std::int64_t Group::epoch() const { return engine_->epoch(); }
const GroupConfig& Group::config() const { return engine_->config(); }
WindowSharing Group::window_sharing() const { return engine_->window_sharing(); }
void* Group::stream() const { return engine_->stream(); }

DispatchResult Group::dispatch(const DispatchInput& input, const DispatchOptions& options) {
  return engine_->dispatch_receive(dispatch_send(input, options), true);
}

PendingDispatch Group::dispatch_send(const DispatchInput& input, const DispatchOptions& options) {
  return engine_->dispatch_send(nullptr, input, options);
}

DispatchResult Group::dispatch_receive(PendingDispatch pending) {
  return engine_->dispatch_receive(std::move(pending), false);
}

DispatchResult Group::dispatch(const Handle& handle, const DispatchInput& input, const DispatchOptions& options) {
  return engine_->dispatch_receive(dispatch_send(handle, input, options), true);
}

PendingDispatch Group::dispatch_send(const Handle& handle, const DispatchInput& input, const DispatchOptions& options) {
  return engine_->dispatch_send(&handle, input, options);
}

CombineResult Group::combine(const Handle& handle, const CombineInput& input, const CombineOptions& options) {
  return engine_->combine_receive(combine_send(handle, input, options), true);
}

PendingCombine Group::combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options) {
  return engine_->combine_send(handle, input, options);
}

CombineResult Group::combine_receive(PendingCombine pending) {
  return engine_->combine_receive(std::move(pending), false);
}

Group::Allocation Group::allocate(DType dtype, std::initializer_list<std::int64_t> shape) {
  return engine_->allocate(dtype, shape);
}

void Group::set_live_ranks(std::span<const int> live) { engine_->set_live_ranks(live); }
std::vector<int> Group::live_ranks() const { return engine_->live_ranks(); }

std::vector<std::chrono::nanoseconds> Group::wait_times() const { return engine_->wait_times(); }
std::optional<Error> Group::status() const { return engine_->status(); }
void Group::abort(const std::string& reason) noexcept { engine_->abort(reason); }
void Group::set_deadline(std::chrono::milliseconds deadline) { engine_->set_deadline(deadline); }

}  // namespace crossdock
