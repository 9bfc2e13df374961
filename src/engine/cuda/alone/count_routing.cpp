#include <fmt/format.h>

#include "core/contract/overlap.hpp"
#include "core/layout/region_table.hpp"
#include "crossdock/config.hpp"
#include "crossdock/gpu.hpp"
#include "device/port/peer_port.hpp"
#include "device/port/routing_scratch.hpp"
#include "device/port/terms.hpp"
#include "engine/cuda/alone/given.hpp"
#include "engine/cuda/alone/prepare_device.hpp"
#include "engine/cuda/device_state.hpp"
#include "kernels/routing/routing.hpp"

namespace crossdock::gpu {
namespace {

using core::reject;
using engine::cuda::check;
using engine::cuda::check_tensor;
using engine::cuda::Given;

constexpr const char* kOperation = "count_routing";
constexpr core::Caller kCaller{.operation = kOperation};
constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

/// What the kernel wants beside its scratch. All of it is 0 before each call, so a call leaves nothing to the next one:
/// a graph may be replayed, and scratch memory shared between calls of any size.
struct Words {
  device::Channel channel = {};
  std::uint32_t gave_up = 0;
};

/// Words, then what the routing kernel calls scratch.
core::RegionTable scratch_regions(int num_tokens) {
  core::RegionTable regions;
  regions.add(1, sizeof(Words));
  regions.add(1, device::routing_scratch_bytes(num_tokens));
  return regions;
}

void check_between(const char* what, std::int64_t least, std::int64_t most, std::int64_t got) {
  if (got < least || got > most) reject(kCaller, what, fmt::format("[{}, {}]", least, most), fmt::format("{}", got));
}

void check_topk_idx(const Given& topk_idx) {
  const ConstTensorView& view = topk_idx.view;
  core::check_shape(kCaller, topk_idx.what, view);
  const bool integers = view.dtype == DType::kInt32 || view.dtype == DType::kInt64;
  const bool fits = view.num_dims == 2 && view.shape[1] >= 1 && view.shape[1] <= kMaxTopK;
  if (!fits || !integers || !is_dense(view) || view.shape[0] > kMostTokens) {
    reject(kCaller, topk_idx.what,
           fmt::format("dense int32 or int64 [T, K], T of [0, {}], K of [1, {}]", kMostTokens, kMaxTopK),
           describe(view));
  }
  check_memory(topk_idx);
}

/// Returns the bytes that are used.
ConstTensorView check_scratch(const void* scratch, std::size_t bytes, std::size_t needed) {
  if (bytes < needed) reject(kCaller, "scratch_bytes", fmt::format("at least {}", needed), fmt::format("{}", bytes));
  const auto size = static_cast<std::int64_t>(needed);
  const Given given{kOperation, "scratch", dense_view(scratch, DType::kFp8E4m3, {size})};
  check_memory(given);
  check_aligned(given, core::kRegionAlignment);
  return given.view;
}

}  // namespace

std::size_t routing_scratch_bytes(std::int64_t num_tokens) {
  check_between("num_tokens", 0, kMostTokens, num_tokens);
  return scratch_regions(static_cast<int>(num_tokens)).total();
}

void count_routing(const ConstTensorView& topk_idx, int num_experts, int num_ranks, const RoutingCounts& counts,
                   void* scratch, std::size_t scratch_bytes, void* stream) {
  check_between("num_experts", 1, device::kMaxExperts, num_experts);
  check_between("num_ranks", 1, device::kMaxPeers, num_ranks);
  check_topk_idx({kOperation, "topk_idx", topk_idx});
  check_tensor({kOperation, "rank_rows", counts.rank_rows}, DType::kInt32, {num_ranks});
  check_tensor({kOperation, "expert_rows", counts.expert_rows}, DType::kInt32, {num_experts});
  check_tensor({kOperation, "slots", counts.slots}, DType::kInt32, {topk_idx.shape[0], num_ranks});
  const int num_tokens = static_cast<int>(topk_idx.shape[0]);
  const core::RegionTable regions = scratch_regions(num_tokens);
  const core::Named outputs[]{{"rank_rows", counts.rank_rows},
                              {"expert_rows", counts.expert_rows},
                              {"slots", counts.slots},
                              {"scratch", check_scratch(scratch, scratch_bytes, regions.total())}};
  const core::Named inputs[]{{"topk_idx", topk_idx}};
  core::check_apart(kCaller, outputs, inputs);

  engine::cuda::prepare_device();
  auto* memory = static_cast<std::byte*>(scratch);
  auto* words = reinterpret_cast<Words*>(memory + regions.offset(0));
  check(cudaMemsetAsync(memory, 0, regions.total(), static_cast<cudaStream_t>(stream)), "cudaMemsetAsync");
  kernels::launch_routing({.topk_idx = topk_idx.data,
                           .idx_is_64 = topk_idx.dtype == DType::kInt64,
                           .num_tokens = num_tokens,
                           .top_k = static_cast<int>(topk_idx.shape[1]),
                           .num_experts = num_experts,
                           .num_ranks = num_ranks,
                           .channel = &words->channel,
                           .slots = static_cast<std::int32_t*>(counts.slots.data),
                           .rank_rows = static_cast<std::int32_t*>(counts.rank_rows.data),
                           .expert_rows = static_cast<std::int32_t*>(counts.expert_rows.data),
                           .scratch = device::routing_scratch(memory + regions.offset(1), num_tokens),
                           .limit = {.gave_up = &words->gave_up}},
                          static_cast<cudaStream_t>(stream));
}

}  // namespace crossdock::gpu
