// What ranks say to one another about a call: fixed blocks in the control region of the receiver's window.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/layout/region_table.hpp"
#include "crossdock/config.hpp"
#include "crossdock/error.hpp"
#include "crossdock/types.hpp"

namespace crossdock::engine {

/// Calls that may be in flight at once. A call uses slot (sequence % kNumSlots) of every peer.
inline constexpr int kNumSlots = 8;

/// Signal words a source keeps at a peer. Those up to kRelease exist once a slot and carry the tag of the call.
enum class SignalKind : std::uint8_t {
  kCall,     ///< its CallBlock is here (latency: and its rows)
  kReply,    ///< its ReplyBlock is here
  kRows,     ///< its rows are here
  kRead,     ///< it has read this rank's rows
  kRelease,  ///< it is done with the call: blocks and latency area may be written again
  kAbort,    ///< it gave up on an epoch
  kPropose,  ///< its ProposalBlock is here
  kCommit    ///< it enters an epoch
};

int signal_index(SignalKind kind, int slot = 0);
int num_signals();

/// Epoch and sequence number in one word, never 0: late signals match nothing.
std::uint64_t make_tag(std::int64_t epoch, std::int64_t sequence);
std::int64_t sequence_of(std::uint64_t tag);

/// What kAbort and kCommit carry.
constexpr std::uint64_t epoch_word(std::int64_t epoch) { return static_cast<std::uint64_t>(epoch) + 1; }

enum class CallKind : std::int32_t { kDispatch, kCombine };

/// What all ranks of a call have to agree on.
enum class Agreed : std::uint8_t {
  kCall,
  kHandle,
  kLayout,
  kTree,
  kQuantize,
  kScaleOrder,
  kExpertAlignment,
  kXDtype,
  kHidden,
  kTopK,
  kScaleWords,
  kScaleDtype,
  kIdxDtype,
  kWeightsGiven,
  kWireDtype,
  kOutDtype,
  kRecvWeightsGiven,
  kWeightsAtCombine,  ///< CUDA: ranks read one another's
  kDispatchFailed,    ///< CUDA: of the handle; kernels give it
  kCount
};

class Agreement {
 public:
  void set(Agreed field, std::int64_t value) {
    values_[static_cast<std::size_t>(field)] = static_cast<std::int32_t>(value);
  }
  const std::array<std::int32_t, static_cast<std::size_t>(Agreed::kCount)>& values() const { return values_; }
  /// "hidden: rank 0 has 7168, rank 3 has 4096", or nothing where all fields agree.
  std::optional<std::string> difference(const Agreement& theirs, int my_rank, int their_rank) const;

 private:
  std::array<std::int32_t, static_cast<std::size_t>(Agreed::kCount)> values_{};
};

/// The text of an error on its way to a peer.
struct ErrorText {
  std::int32_t code = -1;  ///< ErrorCode, or -1 = no error
  std::int32_t peer = -1;  ///< Report::peer
  std::int64_t expected = -1;
  std::int64_t observed = -1;
  std::array<char, 224> message{};

  /// message, cut at its end whatever a peer wrote.
  std::string text() const;
  void set(const Error& error);
};

/// The first message of a call, from every live rank to every live rank. int64 by local expert follow it: dispatch the
/// rows for each expert of the receiver, combine the first row of the receiver at each expert of the sender.
struct CallBlock {
  std::uint64_t tag = 0;
  Agreement agreement = {};
  ErrorText rejected = {};
  std::int64_t num_rows = 0;         ///< dispatch: rows to this peer. combine: rows at rows_offset
  std::uint64_t rows_offset = 0;     ///< combine: where this rank's rows lie in its window
  std::uint64_t weights_offset = 0;  ///< combine: recv_topk_weights
  std::int64_t latency_slot = 0;     ///< latency dispatch: which of this source's areas the rows lie in
};

/// The credit of throughput dispatch: rows may be written from first_row on.
struct ReplyBlock {
  std::uint64_t tag = 0;
  ErrorText refused = {};
  std::uint64_t offset = 0;     ///< of the wire block in the receiver's window
  std::int64_t block_rows = 0;  ///< rows of that block: with the shape it gives every offset inside
  std::int64_t first_row = 0;
};

/// Why a rank gave up on an epoch.
struct AbortBlock {
  ErrorText error = {};
  std::int64_t is_masked = 0;  ///< 1: who does not wait for the rank goes on
};

/// A rank's word in set_live_ranks.
struct ProposalBlock {
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;
  std::int64_t num_live = 0;  ///< int32 ranks follow
};

/// Offsets of the blocks in a window; the same on every rank.
class ControlLayout {
 public:
  ControlLayout(const GroupConfig& config, int num_ranks);

  std::size_t call(int slot, int source) const { return call_ + block(slot, source) * call_bytes_; }
  std::size_t per_expert(int slot, int source) const { return call(slot, source) + sizeof(CallBlock); }
  std::size_t reply(int slot, int source) const { return reply_ + block(slot, source) * sizeof(ReplyBlock); }
  std::size_t abort(int source) const { return abort_ + static_cast<std::size_t>(source) * sizeof(AbortBlock); }
  std::size_t proposal(int source) const { return proposal_ + static_cast<std::size_t>(source) * proposal_bytes_; }
  std::size_t total() const { return total_; }

 private:
  std::size_t block(int slot, int source) const { return static_cast<std::size_t>(slot) * num_ranks_ + source; }

  std::size_t num_ranks_ = 0;
  std::size_t call_bytes_ = 0;
  std::size_t proposal_bytes_ = 0;
  std::size_t call_ = 0;
  std::size_t reply_ = 0;
  std::size_t abort_ = 0;
  std::size_t proposal_ = 0;
  std::size_t total_ = 0;
};

}  // namespace crossdock::engine
