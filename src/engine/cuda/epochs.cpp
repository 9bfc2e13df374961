// CudaContext: a new epoch, on the hosts and in the GPU's memory.
#include <algorithm>
#include <iterator>

#include "engine/cuda/context.hpp"
#include "engine/cuda/wait_times.hpp"
#include "engine/membership.hpp"

namespace crossdock::engine::cuda {

void CudaContext::set_live_ranks(std::span<const int> live) {
  const UseDevice use(device->device());
  look_at_report();
  if (host->faults.status()) interrupt_if_faulty();
  wait("set_live_ranks");
  const std::scoped_lock lock(epoch_mutex_);
  look_at_report();
  const bool faulty = host->faults.status().has_value();
  const std::int64_t before = host->membership.epoch;
  engine::set_live_ranks(*host, live, [&](std::int64_t epoch) {
    if (faulty) quarantine_credits(live);
    enter_epoch(epoch);
  });
  if (host->membership.epoch == before) return;
  credits.clear();  // an attempt that fails leaves them to the next one, which may mask more ranks
  const std::scoped_lock words(words_mutex_);
  device->set_deadline(host->faults.deadline());  // another thread may have ended waits until the fault was gone
}

void CudaContext::quarantine_credits(std::span<const int> live) {
  std::vector<int> masked;
  std::ranges::set_difference(host->live(), live, std::back_inserter(masked));
  if (!masked.empty()) credits.quarantine(*arena, host->quarantine, host->membership.epoch, masked);
}

void CudaContext::enter_epoch(std::int64_t epoch) {
  const UseDevice use(device->device());
  HostWords& words = device->words();
  {
    const std::scoped_lock lock(words_mutex_);
    words.report = {};
    words.index_report = {};
    device->set_deadline(host->faults.deadline());
  }
  outcomes.forget();
  std::ranges::fill(slot_busy, std::uint8_t{0});
  std::ranges::fill(combine_busy, std::uint8_t{0});
  latency_dispatches = 0;
  latency_combines = 0;

  const std::uint64_t tag = make_tag(epoch, 0);
  OwnWords own;
  if (epoch > 0) read_waited(*this, own.waited);
  for (device::Channel* channel : {&own.dispatch, &own.share, &own.combine}) channel->tag = tag;
  for (int slot = 0; slot < kNumSlots; ++slot) {
    for (auto* channels : {own.latency_send, own.latency_receive, own.combine_send, own.combine_receive}) {
      channels[slot].tag = tag;
    }
  }
  cudaStream_t stream = device->stream();
  std::byte* window = windows->peer_window(rank());
  check(cudaMemcpyAsync(own_words(), &own, sizeof own, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
  check(cudaMemsetAsync(window + layout.routing_scratch(), 0, layout.scratch_bytes(), stream), "cudaMemsetAsync");
  // Nobody sends before everybody has entered the epoch, and every rank's calls have ended before it proposes one.
  device::LatencyBoard fresh;
  std::ranges::fill(fresh.released, tag);
  const int slots = config.latency_max_tokens > 0 ? config.latency_slots : 0;
  for (int slot = 0; slot < slots; ++slot) {
    for (const std::size_t board : {layout.dispatch_board(slot), layout.combine_board(slot)}) {
      check(cudaMemcpyAsync(window + board, &fresh, sizeof fresh, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync");
    }
    for (const device::LatencyArea& area : {layout.dispatch_area(slot), layout.combine_area(slot)}) {
      check(cudaMemsetAsync(window + area.x, device::kEmptyByte, device::kTurns * area.turn_bytes, stream),
            "cudaMemsetAsync");
    }
  }
  wait_for_stream("set_live_ranks");
}

}  // namespace crossdock::engine::cuda
