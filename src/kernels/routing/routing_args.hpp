// topk_idx -> slots: which rows a source has for whom, numbered by prefix sums, never by arrival.
#pragma once

#include <cstdint>

#include "device/port/peer_port.hpp"
#include "device/port/routing_scratch.hpp"
#include "device/port/terms.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

inline constexpr int kMaxTopK = 32;
using device::kMaxExperts;
using device::kRoutingTokens;

struct RoutingArgs {
  const void* topk_idx = nullptr;  ///< [T, K] int32 or int64; outside [0, E): no selection
  bool idx_is_64 = false;
  int num_tokens = 0;
  int top_k = 0;
  int num_experts = 0;
  int num_ranks = 1;
  int rank = 0;
  std::uint32_t live = ~0U;  ///< bit r: selections of rank r's experts count; those of other ranks are -1
  /// Of the dispatch behind it: its next tag is another one each call.
  const device::Channel* channel = nullptr;
  // Results
  std::int32_t* slots = nullptr;        ///< [T, R]: ordinal among this source's rows for the rank, or -1
  std::int32_t* rank_rows = nullptr;    ///< [R]
  std::int32_t* expert_rows = nullptr;  ///< [E]: selections
  std::int32_t* selections = nullptr;   ///< [T, K]: global expert, or -1; or nullptr
  device::RoutingScratch scratch = {};
  device::WaitLimit limit = {};
};

}  // namespace crossdock::kernels
