#include "engine/control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/math.hpp"
#include "core/topology/placement.hpp"

namespace crossdock::engine {
namespace {

constexpr int kKindsPerSlot = static_cast<int>(SignalKind::kRelease) + 1;
constexpr int kNumSlotSignals = kKindsPerSlot * kNumSlots;
constexpr int kNumSingleSignals = 3;  // kAbort, kPropose, kCommit
constexpr int kSequenceBits = 40;

constexpr std::array<std::string_view, static_cast<std::size_t>(Agreed::kCount)> kAgreedNames{
    "call (0 dispatch, 1 combine)",
    "handle (call number of its dispatch, 0 = none)",
    "layout",
    "tree",
    "quantize",
    "scale_order",
    "expert_alignment",
    "type of x",
    "hidden",
    "top_k",
    "scale words",
    "type of scales",
    "type of topk_idx",
    "topk_weights given",
    "wire_dtype",
    "out_dtype",
    "recv_topk_weights given",
    "topk_weights given at combine",
    "dispatch of the handle failed"};

std::string value_text(Agreed field, std::int32_t value) {
  switch (field) {
    case Agreed::kLayout:
      return std::string(name_of(static_cast<Layout>(value)));
    case Agreed::kTree:
      return std::string(name_of(static_cast<ReductionTree>(value)));
    case Agreed::kQuantize:
      return std::string(name_of(static_cast<Quantize>(value)));
    case Agreed::kScaleOrder:
      return std::string(name_of(static_cast<ScaleOrder>(value)));
    case Agreed::kXDtype:
    case Agreed::kScaleDtype:
    case Agreed::kIdxDtype:
    case Agreed::kWireDtype:
    case Agreed::kOutDtype:
      return std::string(name_of(static_cast<DType>(value)));
    default:
      return fmt::format("{}", value);
  }
}

}  // namespace

int signal_index(SignalKind kind, int slot) {
  switch (kind) {
    case SignalKind::kAbort:
      return kNumSlotSignals;
    case SignalKind::kPropose:
      return kNumSlotSignals + 1;
    case SignalKind::kCommit:
      return kNumSlotSignals + 2;
    default:
      return static_cast<int>(kind) * kNumSlots + slot;
  }
}

int num_signals() { return kNumSlotSignals + kNumSingleSignals; }

std::uint64_t make_tag(std::int64_t epoch, std::int64_t sequence) {
  return (static_cast<std::uint64_t>(epoch + 1) << kSequenceBits) | static_cast<std::uint64_t>(sequence);
}

std::int64_t sequence_of(std::uint64_t tag) { return static_cast<std::int64_t>(tag & ((1ULL << kSequenceBits) - 1)); }

std::optional<std::string> Agreement::difference(const Agreement& theirs, int my_rank, int their_rank) const {
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (values_[i] == theirs.values_[i]) continue;
    const auto field = static_cast<Agreed>(i);
    return fmt::format("{}: rank {} has {}, rank {} has {}", kAgreedNames[i], my_rank, value_text(field, values_[i]),
                       their_rank, value_text(field, theirs.values_[i]));
  }
  return std::nullopt;
}

std::string ErrorText::text() const { return {message.data(), strnlen(message.data(), message.size())}; }

void ErrorText::set(const Error& error) {
  code = static_cast<std::int32_t>(error.code());
  peer = error.report().peer;
  expected = error.report().expected;
  observed = error.report().observed;
  const std::string_view text = error.message();
  const std::size_t length = std::min(text.size(), message.size() - 1);
  std::copy_n(text.begin(), length, message.begin());
  message[length] = '\0';
}

ControlLayout::ControlLayout(const GroupConfig& config, int num_ranks)
    : num_ranks_(static_cast<std::size_t>(num_ranks)) {
  const core::Placement placement{.num_experts = config.num_experts, .num_ranks = num_ranks};
  const auto max_local = static_cast<std::size_t>(placement.max_local());
  call_bytes_ = base::round_up(sizeof(CallBlock) + max_local * sizeof(std::int64_t), core::kRegionAlignment);
  proposal_bytes_ = base::round_up(sizeof(ProposalBlock) + num_ranks_ * sizeof(std::int32_t), core::kRegionAlignment);
  core::RegionTable table;
  call_ = table.add(kNumSlots * num_ranks_, call_bytes_);
  reply_ = table.add(kNumSlots * num_ranks_, sizeof(ReplyBlock));
  abort_ = table.add(num_ranks_, sizeof(AbortBlock));
  proposal_ = table.add(num_ranks_, proposal_bytes_);
  total_ = table.total();
}

}  // namespace crossdock::engine
