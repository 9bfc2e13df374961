// The ranks that exchange tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "crossdock/config.hpp"
#include "crossdock/error.hpp"
#include "crossdock/experts.hpp"
#include "crossdock/operations.hpp"
#include "crossdock/world.hpp"

namespace crossdock {

namespace engine {
class Engine;
struct Pending;
}  // namespace engine

/// A dispatch between send and receive. Inputs must stay unchanged until send has returned, no longer.
class PendingDispatch {
 public:
  PendingDispatch(PendingDispatch&&) noexcept;
  PendingDispatch& operator=(PendingDispatch&&) noexcept;
  ~PendingDispatch();

 private:
  friend class engine::Engine;
  explicit PendingDispatch(std::unique_ptr<engine::Pending> state);
  std::unique_ptr<engine::Pending> state_;
};

/// A combine between send and receive. Inputs must stay unchanged until receive has returned.
class PendingCombine {
 public:
  PendingCombine(PendingCombine&&) noexcept;
  PendingCombine& operator=(PendingCombine&&) noexcept;
  ~PendingCombine();

 private:
  friend class engine::Engine;
  explicit PendingCombine(std::unique_ptr<engine::Pending> state);
  std::unique_ptr<engine::Pending> state_;
};

/// One rank's end of a group.
///
/// Calls are collective unless said otherwise: every live rank makes the same calls in the same order. Receives may
/// come in any order. Several operations may be in flight at once.
///
/// Errors. A call that is rejected (InvalidArgument, OptionsMismatch, CapacityExceeded, WindowTooSmall, ...) sends no
/// row, fails on every rank at once, and leaves the group usable. A fault (RankLost, DeadlineExceeded, Aborted) is
/// sticky: it is thrown by the waiting call and by every later one, until set_live_ranks starts a new epoch.
///
/// CUDA. Calls return before their work is done. What only the GPU learns (another rank's options or refusal, a wait
/// that gave up) is thrown by the receive that waits for a row count, else by a later call or status(): a rejection
/// once, a fault until set_live_ranks. Counts and offsets of such a call are 0 and indices -1, so that kernels behind
/// it stay in bounds. An index out of range counts as -1 and shows in status() until set_live_ranks. A call with
/// max_recv_rows or in kExpertPadded never waits on the host and can be captured in a graph; all ranks have to replay
/// the same calls in the same order, in the epoch of the capture.
///
/// Thread safety: one thread at a time, except abort, status and set_deadline, which any thread may call.
/// The destructor is not collective, waits for nobody and never throws. A group that was moved from throws
/// InvalidArgument, whatever it is asked; its abort does nothing.
///
/// fork. A group belongs to the process that made it. In a child that fork makes later, the copies of groups, worlds,
/// pending calls, handles and results can be destroyed, by exit too, which tells the peers nothing; every function of
/// Group and every new Group over the old World throws InvalidArgument (status() returns it, abort() does nothing), and
/// nothing is sent. Results may be read there: between threads as they were at the fork, between processes as the
/// parent and its peers change them; on GPUs not. The child may make worlds and groups of its own, on the CPU.
class Group {
 public:
  /// Collective over the world. Throws Error where configurations differ, memory is refused or a rank is missing.
  Group(const World& world, const GroupConfig& config);
  Group(Group&&) noexcept;
  Group& operator=(Group&&) noexcept;
  ~Group();

  int rank() const;
  int num_ranks() const;
  int num_nodes() const;
  int num_local_experts() const;
  /// Which rank holds which expert; masked ranks hold theirs still.
  ExpertPlacement placement() const;
  std::int64_t epoch() const;
  const GroupConfig& config() const;
  /// The same on every rank.
  WindowSharing window_sharing() const;

  /// Sends tokens to the ranks of their experts and returns what arrived here.
  DispatchResult dispatch(const DispatchInput& input, const DispatchOptions& options = {});
  PendingDispatch dispatch_send(const DispatchInput& input, const DispatchOptions& options = {});
  DispatchResult dispatch_receive(PendingDispatch pending);

  /// Repeats the routing of a handle: input.topk_idx must not be given. Of the options the layout, the tree, the
  /// alignment and max_recv_rows come from the handle. The result's handle is the same one.
  DispatchResult dispatch(const Handle& handle, const DispatchInput& input, const DispatchOptions& options = {});
  PendingDispatch dispatch_send(const Handle& handle, const DispatchInput& input, const DispatchOptions& options = {});

  /// Brings the rows of a dispatch back to their tokens, summed.
  CombineResult combine(const Handle& handle, const CombineInput& input, const CombineOptions& options = {});
  PendingCombine combine_send(const Handle& handle, const CombineInput& input, const CombineOptions& options = {});
  CombineResult combine_receive(PendingCombine pending);

  /// Window memory for a combine input that is read in place; 1 to 3 sizes. Local. Throws WindowTooSmall.
  struct Allocation {
    TensorView view;
    WindowBuffer memory;
  };
  Allocation allocate(DType dtype, std::initializer_list<std::int64_t> shape);

  /// CUDA: the group's own stream (cudaStream_t), which calls are put on unless they name another; nullptr on the CPU.
  void* stream() const;

  /// Starts a new epoch in which exactly `live` (ascending) take part; each of them calls it, between operations.
  /// Tokens of the others are dropped and their contribution is zero. Clears a sticky error.
  void set_live_ranks(std::span<const int> live);
  std::vector<int> live_ranks() const;

  /// By rank: how long this rank's calls have waited for each peer since the group was made, over all epochs; 0 for the
  /// own rank. Waits for several peers at once count for each that had not come. Local.
  /// CUDA: measured in kernels, of waits that ended well; the function waits for this rank's calls and for the group's
  /// stream, so not while that is captured.
  std::vector<std::chrono::nanoseconds> wait_times() const;

  /// The sticky fault, if there is one; looks at the peers first, so a lost rank shows without a call. Local.
  std::optional<Error> status() const;
  /// Fails this rank's and every peer's current and later calls with kAborted. Local.
  void abort(const std::string& reason) noexcept;
  /// Of every later wait, and on GPUs of those under way. Throws InvalidArgument where it is not more than 0;
  /// milliseconds::max() = no limit. Local.
  void set_deadline(std::chrono::milliseconds deadline);

 private:
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace crossdock
