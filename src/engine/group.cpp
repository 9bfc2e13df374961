#include "crossdock/group.hpp"

#include <algorithm>
#include <string>

#include "core/contract/reject.hpp"
#include "engine/engine.hpp"
#include "engine/window_layout.hpp"

namespace crossdock {
namespace {

const engine::HandleFacts& given(const std::shared_ptr<const engine::HandleFacts>& state) {
  if (state != nullptr) return *state;
  throw Error(ErrorCode::kInvalidHandle, "Handle: expected one that dispatch returned, got an empty one");
}

/// Throws InvalidArgument where the group was moved from, and in a forked child.
engine::Engine& given(const std::unique_ptr<engine::Engine>& engine) {
  if (engine == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "Group: expected one that was made, got one that was moved from");
  }
  if (engine->is_inherited()) base::throw_inherited("Group");
  return *engine;
}

/// Rejects a shape that no tensor has.
void check_allocation(int rank, DType dtype, std::initializer_list<std::int64_t> shape) {
  const core::Caller caller{.operation = "allocate", .rank = rank};
  ConstTensorView view{.dtype = dtype, .num_dims = static_cast<int>(shape.size())};
  if (shape.size() == 0 || shape.size() > view.shape.size()) {
    core::reject(caller, "shape", "1 to 3 sizes", std::to_string(shape.size()));
  }
  std::ranges::copy(shape, view.shape.begin());
  core::check_shape(caller, "shape", view);
}

}  // namespace

Layout Handle::layout() const { return given(state_).layout; }
ReductionTree Handle::tree() const { return given(state_).tree; }
std::int64_t Handle::num_tokens() const { return given(state_).num_tokens(); }
std::int64_t Handle::num_rows() const { return given(state_).num_rows(); }

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

int Group::rank() const { return given(engine_).rank(); }
int Group::num_ranks() const { return given(engine_).num_ranks(); }
int Group::num_nodes() const { return given(engine_).num_nodes(); }
int Group::num_local_experts() const { return given(engine_).num_local_experts(); }
ExpertPlacement Group::placement() const { return {.num_experts = config().num_experts, .num_ranks = num_ranks()}; }
std::int64_t Group::epoch() const { return given(engine_).epoch(); }
const GroupConfig& Group::config() const { return given(engine_).config(); }
WindowSharing Group::window_sharing() const { return given(engine_).window_sharing(); }
void* Group::stream() const { return given(engine_).stream(); }

DispatchResult Group::dispatch(const DispatchInput& input, const DispatchOptions& options) {
  return given(engine_).dispatch_receive(dispatch_send(input, options), true);
}

PendingDispatch Group::dispatch_send(const DispatchInput& input, const DispatchOptions& options) {
  return given(engine_).dispatch_send(nullptr, input, options);
}

DispatchResult Group::dispatch_receive(PendingDispatch pending) {
  return given(engine_).dispatch_receive(std::move(pending), false);
}

DispatchResult Group::dispatch(const Handle& handle, const DispatchInput& input, const DispatchOptions& options) {
  return given(engine_).dispatch_receive(dispatch_send(handle, input, options), true);
}

PendingDispatch Group::dispatch_send(const Handle& handle, const DispatchInput& input, const DispatchOptions& options) {
  return given(engine_).dispatch_send(&handle, input, options);
}

CombineResult Group::combine(const Handle& handle, const CombineInput& input, const CombineOptions& options) {
  return given(engine_).combine_receive(combine_send(handle, input, options), true);
}

PendingCombine Group::combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options) {
  return given(engine_).combine_send(handle, input, options);
}

CombineResult Group::combine_receive(PendingCombine pending) {
  return given(engine_).combine_receive(std::move(pending), false);
}

Group::Allocation Group::allocate(DType dtype, std::initializer_list<std::int64_t> shape) {
  check_allocation(rank(), dtype, shape);
  return given(engine_).allocate(dtype, shape);
}

void Group::set_live_ranks(std::span<const int> live) { given(engine_).set_live_ranks(live); }
std::vector<int> Group::live_ranks() const { return given(engine_).live_ranks(); }

std::vector<std::chrono::nanoseconds> Group::wait_times() const { return given(engine_).wait_times(); }
std::optional<Error> Group::status() const {
  try {
    return given(engine_).status();
  } catch (const Error& error) {
    return error;
  }
}
void Group::abort(const std::string& reason) noexcept {
  if (engine_ != nullptr && !engine_->is_inherited()) engine_->abort(reason);
}
void Group::set_deadline(std::chrono::milliseconds deadline) {
  engine::Engine& engine = given(engine_);
  engine::check_deadline("set_deadline", deadline);
  engine.set_deadline(deadline);
}

}  // namespace crossdock
