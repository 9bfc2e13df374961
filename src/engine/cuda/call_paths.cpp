#include "engine/cuda/call_paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/control.hpp"

namespace crossdock::engine::cuda {
namespace {

constexpr int kPathBits = 3;

std::uint64_t word(std::int64_t epoch, std::int64_t sequence, CallPath path) {
  return make_tag(epoch, sequence) << kPathBits | static_cast<std::uint64_t>(path);
}

const char* text_of(std::uint64_t word) {
  switch (static_cast<CallPath>(word % (1U << kPathBits))) {
    case CallPath::kDispatch:
      return "a dispatch to flat or expert_contiguous";
    case CallPath::kLatencyDispatch:
      return "a dispatch to expert_padded";
    case CallPath::kPulledCombine:
      return "a combine of flat rows or per selection";
    case CallPath::kGatheredCombine:
      return "a combine of expert_contiguous rows";
    case CallPath::kPushedCombine:
      break;
  }
  return "a combine of expert_padded rows";
}

}  // namespace

CallPaths::CallPaths(std::shared_ptr<transport::Transport> transport, std::size_t offset)
    : transport_(std::move(transport)),
      offset_(offset),
      compared_(static_cast<std::size_t>(transport_->num_ranks()), 0) {}

void CallPaths::tell(std::int64_t epoch, std::int64_t sequence, CallPath path) {
  auto* const words = reinterpret_cast<std::uint64_t*>(transport_->window().data() + offset_);
  std::atomic_ref(words[static_cast<std::size_t>(sequence) % kCalls])
      .store(word(epoch, sequence, path), std::memory_order_release);
  told_.store(sequence + 1, std::memory_order_release);
}

std::uint64_t CallPaths::word_of(int rank, std::int64_t sequence) const {
  auto* const words = reinterpret_cast<std::uint64_t*>(transport_->peer_window(rank) + offset_);
  return std::atomic_ref(words[static_cast<std::size_t>(sequence) % kCalls]).load(std::memory_order_acquire);
}

std::optional<Error> CallPaths::find_difference(const Membership& membership) {
  const std::int64_t end = told_.load(std::memory_order_acquire);
  for (const int peer : membership.live) {
    if (std::optional<Error> error = compare(membership, peer, end)) return error;
  }
  return std::nullopt;
}

std::optional<Error> CallPaths::compare(const Membership& membership, int peer, std::int64_t end) {
  std::int64_t& sequence = compared_[static_cast<std::size_t>(peer)];
  sequence = std::max(sequence, end - static_cast<std::int64_t>(kCalls));
  for (; sequence < end; ++sequence) {
    const std::uint64_t tag = make_tag(membership.epoch, sequence);
    const std::uint64_t mine = word_of(transport_->rank(), sequence);
    const std::uint64_t theirs = word_of(peer, sequence);
    if (mine >> kPathBits != tag) continue;              // of another epoch, or a later one has its place
    if (theirs >> kPathBits < tag) return std::nullopt;  // it has not come to that call
    if (theirs == mine || theirs >> kPathBits != tag) continue;
    return Error(ErrorCode::kOptionsMismatch,
                 fmt::format("call {}: rank {} makes {}, rank {} {}", sequence, transport_->rank(), text_of(mine), peer,
                             text_of(theirs)),
                 {.operation = "call",
                  .phase = "path",
                  .rank = transport_->rank(),
                  .peer = peer,
                  .epoch = membership.epoch,
                  .expected = sequence,
                  .observed = sequence});
  }
  return std::nullopt;
}

}  // namespace crossdock::engine::cuda
