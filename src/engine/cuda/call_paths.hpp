// Which channels the ranks' calls use. Ranks that disagree wait on different ones, where no kernel can see why: their
// hosts find out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "crossdock/error.hpp"
#include "engine/faults.hpp"
#include "transport/transport.hpp"

namespace crossdock::engine::cuda {

enum class CallPath : std::uint8_t { kDispatch, kLatencyDispatch, kPulledCombine, kGatheredCombine, kPushedCombine };

/// Each rank writes its own calls into its own host window, which its peers read now and then: a call pays for one
/// store.
class CallPaths {
 public:
  /// Bytes of the host window, zero at the start: the latest calls, which are those that a host may be ahead.
  static constexpr std::size_t kCalls = 1024;
  static constexpr std::size_t kBytes = kCalls * sizeof(std::uint64_t);

  /// `offset`: the same in every rank's window.
  CallPaths(std::shared_ptr<transport::Transport> transport, std::size_t offset);

  /// The group's thread, before the call's kernels are launched.
  void tell(std::int64_t epoch, std::int64_t sequence, CallPath path);

  /// OptionsMismatch where a live rank makes a call of this epoch on another path than this rank. One thread at a time.
  std::optional<Error> find_difference(const Membership& membership);

 private:
  std::uint64_t word_of(int rank, std::int64_t sequence) const;
  std::optional<Error> compare(const Membership& membership, int peer, std::int64_t end);

  std::shared_ptr<transport::Transport> transport_;
  std::size_t offset_;
  std::atomic<std::int64_t> told_{0};   ///< sequence of the next call
  std::vector<std::int64_t> compared_;  ///< [R]: calls before this one have been compared
};

}  // namespace crossdock::engine::cuda
