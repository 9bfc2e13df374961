#include "harness/gpu_rank.hpp"

#include <new>

#include "core/layout/region_table.hpp"
#include "kernels/load.hpp"

namespace crossdock::gpu {
namespace {

enum Region : std::size_t { kBoard, kX, kScales, kIdx, kWeights, kTokens, kPositions, kCombineRows };

core::RegionTable window_regions(const RankLimits& limits) {
  const auto rows = static_cast<std::size_t>(limits.max_rows());
  core::RegionTable regions;
  regions.add(1, sizeof(device::Board));
  regions.add(rows, static_cast<std::size_t>(limits.max_row_bytes));
  regions.add(rows, static_cast<std::size_t>(limits.max_scale_words) * sizeof(std::uint32_t));
  regions.add(rows, static_cast<std::size_t>(limits.max_top_k) * sizeof(std::int64_t));
  regions.add(rows, static_cast<std::size_t>(limits.max_top_k) * sizeof(float));
  regions.add(rows, sizeof(std::int32_t));
  regions.add(rows, static_cast<std::size_t>(limits.max_top_k) * sizeof(std::int32_t));
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
            .weights = regions.offset(kWeights),
            .tokens = regions.offset(kTokens)};
  positions_ = regions.offset(kPositions);
  combine_rows_ = regions.offset(kCombineRows);
  windows_ = transport::connect_p2p(bootstrap, {.device = device, .window_bytes = regions.total()});

  use_device();
  const auto tokens = static_cast<std::size_t>(limits.max_tokens);
  const auto ranks = static_cast<std::size_t>(limits.num_ranks);
  const auto experts = static_cast<std::size_t>(limits.num_experts);
  slots_ = DeviceBuffer(tokens * ranks * sizeof(std::int32_t));
  rank_rows_ = DeviceBuffer(ranks * sizeof(std::int32_t));
  expert_rows_ = DeviceBuffer(experts * sizeof(std::int32_t));
  selections_ = DeviceBuffer(tokens * static_cast<std::size_t>(limits.max_top_k) * sizeof(std::int32_t));
  first_rows_ = DeviceBuffer(ranks * sizeof(std::int32_t));
  source_first_ = DeviceBuffer(ranks * sizeof(std::int32_t));
  source_rows_ = DeviceBuffer(ranks * sizeof(std::int32_t));
  num_rows_ = DeviceBuffer(sizeof(std::int64_t));
  failed_ = DeviceBuffer(sizeof(std::uint32_t));
  collected_weights_ = DeviceBuffer(tokens * static_cast<std::size_t>(limits.max_top_k) * sizeof(float));
  tokens_per_expert_ = DeviceBuffer(experts * sizeof(std::int32_t));
  scratch_ = DeviceBuffer(device::routing_scratch_bytes(limits.max_tokens));
  channels_ = DeviceBuffer(static_cast<std::size_t>(Call::kCount) * sizeof(device::Channel));
  gave_up_ = DeviceBuffer(sizeof(std::uint32_t));
  waited_ = DeviceBuffer(device::kMaxPeers * sizeof(std::uint64_t));
  y_ = DeviceBuffer(tokens * static_cast<std::size_t>(limits.max_row_bytes));
  kernels::load_kernels();
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
          .index_report = &control_->index_report,
          .gave_up = gave_up_.as<std::uint32_t>(),
          .peers_gave_up = reinterpret_cast<const device::Board*>(at(board_))->gave_up,
          .waited = waited_.as<std::uint64_t>()};
}

device::PeerPort GpuRank::port() const {
  device::PeerPort port{.rank = rank(), .num_ranks = limits_.num_ranks, .live = live_};
  for (int peer = 0; peer < limits_.num_ranks; ++peer) port.windows[peer] = windows_->peer_window(peer);
  return port;
}

device::Channel* GpuRank::channel(Call call) const {
  return channels_.as<device::Channel>() + static_cast<std::size_t>(call);
}

void GpuRank::skip(Call call) {
  use_device();
  auto state = read_back<device::Channel>(channel(call), 1);
  ++state[0].tag;
  kernels::check_cuda(cudaMemcpy(channel(call), state.data(), sizeof(device::Channel), cudaMemcpyHostToDevice), "skip");
}

kernels::RoutingArgs GpuRank::routing(const DispatchSource& source) const {
  return {.topk_idx = source.topk_idx,
          .idx_is_64 = source.idx_is_64,
          .num_tokens = source.num_tokens,
          .top_k = source.top_k,
          .num_experts = limits_.num_experts,
          .num_ranks = limits_.num_ranks,
          .rank = rank(),
          .live = live_,
          .channel = channel(Call::kDispatch),
          .slots = slots_.as<std::int32_t>(),
          .rank_rows = rank_rows_.as<std::int32_t>(),
          .expert_rows = expert_rows_.as<std::int32_t>(),
          .selections = selections_.as<std::int32_t>(),
          .scratch = device::routing_scratch(scratch_.as<void>(), limits_.max_tokens),
          .limit = limit()};
}

kernels::DispatchArgs GpuRank::dispatch(const DispatchSource& source, std::int64_t capacity) const {
  device::Offer offer = offer_;
  offer.capacity = capacity;
  return {.port = port(),
          .board = board_,
          .channel = channel(Call::kDispatch),
          .num_tokens = source.num_tokens,
          .top_k = source.top_k,
          .num_experts = limits_.num_experts,
          .row_bytes = source.row_bytes,
          .scale_words = source.scale_words,
          .scale_row_stride = source.column_major_scales ? 1 : source.scale_words,
          .scale_word_stride = source.column_major_scales ? source.num_tokens : 1,
          .x = source.x,
          .scales = source.scales,
          .topk_idx = source.topk_idx,
          .idx_is_64 = source.idx_is_64,
          .recv_idx_is_64 = source.recv_idx_is_64,
          .topk_weights = source.topk_weights,
          .slots = slots_.as<std::int32_t>(),
          .rank_rows = rank_rows_.as<std::int32_t>(),
          .expert_rows = expert_rows_.as<std::int32_t>(),
          .offer = offer,
          .layout_capacity = capacity,
          .tokens_per_expert = tokens_per_expert_.as<std::int32_t>(),
          .first_rows = first_rows_.as<std::int32_t>(),
          .source_first = source_first_.as<std::int32_t>(),
          .source_rows = source_rows_.as<std::int32_t>(),
          .num_rows = num_rows_.as<std::int64_t>(),
          .failed = failed_.as<std::uint32_t>(),
          .outcome = &control_->outcome,
          .host_waits = true,
          .limit = limit()};
}

kernels::CombineArgs GpuRank::combine(const DispatchSource& source) const {
  return {.port = port(),
          .board = board_,
          .channel = channel(Call::kCombine),
          .rows_at = combine_rows_,
          .recv_weights_at = offer_.weights,
          .positions_at = positions_,
          .num_tokens = source.num_tokens,
          .top_k = source.top_k,
          .num_experts = limits_.num_experts,
          .hidden = source.row_bytes / 2,
          .slots = slots_.as<std::int32_t>(),
          .first_rows = first_rows_.as<std::int32_t>(),
          .selections = selections_.as<std::int32_t>(),
          .y = y(),
          .outcome = &control_->combine_outcome,
          .limit = limit()};
}

}  // namespace crossdock::gpu
