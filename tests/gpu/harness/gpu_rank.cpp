#include "harness/gpu_rank.hpp"

#include <new>

#include "core/layout/region_table.hpp"

namespace crossdock::gpu {
namespace {

enum Region : std::size_t { kBoard, kX, kScales, kIdx, kWeights, kCombineRows };
enum Counter : std::size_t { kDispatchDone, kCombineDone, kGaveUp, kClaimed, kNumCounters };

core::RegionTable window_regions(const RankLimits& limits) {
  const auto rows = static_cast<std::size_t>(limits.max_rows());
  core::RegionTable regions;
  regions.add(1, sizeof(device::Board));
  regions.add(rows, static_cast<std::size_t>(limits.max_row_bytes));
  regions.add(rows, static_cast<std::size_t>(limits.max_scale_words) * sizeof(std::uint32_t));
  regions.add(rows, static_cast<std::size_t>(limits.max_top_k) * sizeof(std::int64_t));
  regions.add(rows, static_cast<std::size_t>(limits.max_top_k) * sizeof(float));
  regions.add(rows, static_cast<std::size_t>(limits.max_row_bytes));
  return regions;
}

}  // namespace

GpuRank::GpuRank(Bootstrap& bootstrap, int device, const RankLimits& limits) : limits_(limits) {
  const core::RegionTable regions = window_regions(limits);
  board_ = regions.offset(kBoard);
  offer_ = {.x = regions.offset(kX),
            .scales = regions.offset(kScales),
            .idx = regions.offset(kIdx),
            .weights = regions.offset(kWeights)};
  combine_rows_ = regions.offset(kCombineRows);
  windows_ = transport::connect_p2p(bootstrap, {.device = device, .window_bytes = regions.total()});

  use_device();
  const auto tokens = static_cast<std::size_t>(limits.max_tokens);
  const auto ranks = static_cast<std::size_t>(limits.num_ranks);
  const auto experts = static_cast<std::size_t>(limits.num_experts);
  slots_ = DeviceBuffer(tokens * ranks * sizeof(std::int32_t));
  rank_rows_ = DeviceBuffer(ranks * sizeof(std::int32_t));
  expert_rows_ = DeviceBuffer(experts * sizeof(std::int32_t));
  first_rows_ = DeviceBuffer(ranks * sizeof(std::int32_t));
  tokens_per_expert_ = DeviceBuffer(experts * sizeof(std::int32_t));
  scratch_ = DeviceBuffer(kernels::routing_scratch_bytes(limits.max_tokens));
  counters_ = DeviceBuffer(kNumCounters * sizeof(std::uint32_t));
  y_ = DeviceBuffer(tokens * static_cast<std::size_t>(limits.max_row_bytes));
  kernels::check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  void* control = nullptr;
  kernels::check_cuda(cudaHostAlloc(&control, sizeof(Control), cudaHostAllocPortable), "cudaHostAlloc");
  control_ = new (control) Control;
  kernels::check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

GpuRank::~GpuRank() {
  cudaSetDevice(device());
  cudaStreamDestroy(stream_);
  cudaFreeHost(control_);
}

void GpuRank::use_device() const { kernels::check_cuda(cudaSetDevice(device()), "cudaSetDevice"); }

void GpuRank::set_deadline_ms(std::uint64_t milliseconds) { control_->nanoseconds = milliseconds * 1'000'000; }

device::WaitLimit GpuRank::limit() const {
  return {.nanoseconds = &control_->nanoseconds,
          .report = &control_->report,
          .gave_up = counters_.as<std::uint32_t>() + kGaveUp};
}

device::PeerPort GpuRank::port() const {
  device::PeerPort port{.rank = rank(), .num_ranks = limits_.num_ranks};
  for (int peer = 0; peer < limits_.num_ranks; ++peer) port.windows[peer] = windows_->peer_window(peer);
  return port;
}

kernels::RoutingArgs GpuRank::routing(const DispatchSource& source, std::uint64_t tag) const {
  return {.topk_idx = source.topk_idx,
          .idx_is_64 = source.idx_is_64,
          .num_tokens = source.num_tokens,
          .top_k = source.top_k,
          .num_experts = limits_.num_experts,
          .num_ranks = limits_.num_ranks,
          .rank = rank(),
          .tag = static_cast<std::uint32_t>(tag),
          .slots = slots_.as<std::int32_t>(),
          .rank_rows = rank_rows_.as<std::int32_t>(),
          .expert_rows = expert_rows_.as<std::int32_t>(),
          .scratch = kernels::routing_scratch(scratch_.as<void>(), limits_.max_tokens),
          .limit = limit()};
}

kernels::DispatchArgs GpuRank::dispatch(const DispatchSource& source, std::uint64_t tag, std::int64_t capacity) const {
  device::Offer offer = offer_;
  offer.capacity = capacity;
  return {.port = port(),
          .board = board_,
          .tag = tag,
          .num_tokens = source.num_tokens,
          .top_k = source.top_k,
          .num_experts = limits_.num_experts,
          .row_bytes = source.row_bytes,
          .scale_words = source.scale_words,
          .scale_stride = source.scale_words,
          .x = source.x,
          .scales = source.scales,
          .topk_idx = source.topk_idx,
          .idx_is_64 = source.idx_is_64,
          .topk_weights = source.topk_weights,
          .slots = slots_.as<std::int32_t>(),
          .rank_rows = rank_rows_.as<std::int32_t>(),
          .expert_rows = expert_rows_.as<std::int32_t>(),
          .offer = offer,
          .tokens_per_expert = tokens_per_expert_.as<std::int32_t>(),
          .first_rows = first_rows_.as<std::int32_t>(),
          .outcome = &control_->outcome,
          .blocks_done = counters_.as<std::uint32_t>() + kDispatchDone,
          .claimed = counters_.as<std::uint32_t>() + kClaimed,
          .limit = limit()};
}

kernels::CombineArgs GpuRank::combine(const DispatchSource& source, std::uint64_t tag) const {
  return {.port = port(),
          .board = board_,
          .tag = tag,
          .rows_at = combine_rows_,
          .num_tokens = source.num_tokens,
          .row_bytes = source.row_bytes,
          .slots = slots_.as<std::int32_t>(),
          .first_rows = first_rows_.as<std::int32_t>(),
          .y = y(),
          .blocks_done = counters_.as<std::uint32_t>() + kCombineDone,
          .limit = limit()};
}

}  // namespace crossdock::gpu
