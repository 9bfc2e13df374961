// What Group asks of a backend.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/process_mark.hpp"
#include "crossdock/group.hpp"
#include "engine/handle_facts.hpp"
#include "engine/pending.hpp"

namespace crossdock::engine {

/// One rank's end; Group documents what each function does.
class Engine {
 public:
  Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  bool is_inherited() const noexcept { return process_.is_inherited(); }

  virtual int rank() const = 0;
  virtual int num_ranks() const = 0;
  virtual int num_nodes() const = 0;
  virtual int num_local_experts() const = 0;
  virtual std::int64_t epoch() const = 0;
  virtual const GroupConfig& config() const = 0;
  virtual WindowSharing window_sharing() const = 0;
  virtual void* stream() const = 0;

  /// `handle` where the dispatch is cached; it may be empty, which is an error.
  virtual PendingDispatch dispatch_send(const Handle* handle, const DispatchInput& input,
                                        const DispatchOptions& options) = 0;
  /// `directly`: behind its send, and nothing of the caller's between.
  virtual DispatchResult dispatch_receive(PendingDispatch pending, bool directly) = 0;
  virtual PendingCombine combine_send(const Handle& handle, const CombineInput& input,
                                      const CombineOptions& options) = 0;
  virtual CombineResult combine_receive(PendingCombine pending, bool directly) = 0;
  /// The shape is checked.
  virtual Group::Allocation allocate(DType dtype, std::initializer_list<std::int64_t> shape) = 0;

  virtual void set_live_ranks(std::span<const int> live) = 0;
  virtual const std::vector<int>& live_ranks() const = 0;
  virtual std::vector<std::chrono::nanoseconds> wait_times() const = 0;
  virtual std::optional<Error> status() = 0;
  virtual void abort(const std::string& reason) noexcept = 0;
  virtual void set_deadline(std::chrono::milliseconds deadline) = 0;

 protected:
  // Between the public classes and what a backend keeps in them.
  PendingDispatch make_dispatch(std::unique_ptr<Pending> state) const;
  PendingCombine make_combine(std::unique_ptr<Pending> state) const;
  /// Throws InvalidArgument where it was moved from, or is another group's.
  Pending& state_of(const PendingDispatch& pending) const;
  Pending& state_of(const PendingCombine& pending) const;
  static Handle make_handle(std::shared_ptr<const HandleFacts> facts) { return Handle(std::move(facts)); }
  /// nullptr where the handle is empty.
  static std::shared_ptr<const HandleFacts> facts_of(const Handle& handle) { return handle.state_; }

 private:
  Pending& given(const std::unique_ptr<Pending>& state, const char* operation) const;

  std::uint64_t identity_;  ///< in this process
  base::ProcessMark process_;
};

/// Collective: checks that configurations agree and builds the backend of config.backend.
std::unique_ptr<Engine> make_engine(const World& world, const GroupConfig& config);

}  // namespace crossdock::engine
