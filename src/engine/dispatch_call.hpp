// What a dispatch call asks for, whatever backend serves it.
#pragma once

#include <cstdint>

#include "core/contract/dispatch_contract.hpp"
#include "core/topology/topology.hpp"
#include "crossdock/config.hpp"
#include "engine/control.hpp"
#include "engine/handle_facts.hpp"

namespace crossdock::engine {

/// Types and sizes of the rows that arrive; the same on every rank.
struct RowFormat {
  DType x_dtype = DType::kBf16;
  std::int64_t hidden = 0;
  DType scale_dtype = DType::kFp32;
  std::int64_t scale_words = 0;
  int top_k = 0;
  bool weights_given = false;
};

RowFormat format_of(const DispatchInput& input, const DispatchOptions& options, int top_k);

/// A cached call (`cached` not null) takes from the handle what the handle fixes.
DispatchOptions effective_options(const DispatchOptions& options, const HandleFacts* cached);

core::DispatchLimits dispatch_limits(const GroupConfig& config, int rank, const core::Topology& topology, Layout layout,
                                     const HandleFacts* cached);

/// What the contract leaves to the group. Throws InvalidArgument.
void check_group_limits(const GroupConfig& config, int rank, const DispatchInput& input,
                        const DispatchOptions& options);

/// Throws InvalidHandle unless the handle is of this group and epoch.
void check_handle(std::uint64_t group, std::int64_t epoch, int rank, const HandleFacts* handle, const char* operation);

/// What all ranks have to agree on. `handle` is the one that the call makes; where cached, its sequence is the old
/// one's.
Agreement agreement_of(const RowFormat& format, const DispatchOptions& options, const HandleFacts& handle, bool cached);

}  // namespace crossdock::engine
