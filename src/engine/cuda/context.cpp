#include "engine/cuda/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "base/limits.hpp"
#include "device/sync/report.hpp"
#include "engine/cuda/wait_times.hpp"
#include "engine/membership.hpp"
#include "engine/window_layout.hpp"
#include "kernels/load.hpp"
#include "transport/bootstrap/agreement.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/local/connect.hpp"
#include "transport/p2p/devices.hpp"

namespace crossdock::engine::cuda {
namespace {

/// SMs that throughput calls take unless told otherwise: where the rate of the links is reached.
constexpr int kUsualSms = 24;

/// The host's window holds messages only.
GroupConfig host_config(const GroupConfig& config) {
  GroupConfig host = config;
  host.latency_max_tokens = 0;
  host.num_threads = 1;
  return host;
}

std::shared_ptr<Context> connect_host(Bootstrap& bootstrap, const GroupConfig& config) {
  const GroupConfig host = host_config(config);
  const std::size_t bytes = engine::WindowLayout(host, bootstrap.num_ranks()).arena_begin();
  return std::make_shared<Context>(
      host, bootstrap.num_ranks(),
      transport::connect_local(bootstrap,
                               {.window_bytes = bytes, .num_signals = num_signals(), .deadline = config.deadline}));
}

/// What ranks tell one another of their GPUs.
struct GpuShare {
  transport::DeviceId device = {};
  std::int64_t num_sms = 0;
};

}  // namespace

CudaContext::CudaContext(Bootstrap& bootstrap, const GroupConfig& group_config, std::size_t window_bytes)
    : config(group_config),
      host(connect_host(bootstrap, group_config)),
      layout(group_config, bootstrap.num_ranks()),
      device(std::make_shared<DeviceState>(group_config.device)),
      outcomes(device->words()),
      combine_busy(static_cast<std::size_t>(group_config.latency_slots), 0),
      slot_busy(static_cast<std::size_t>(group_config.latency_slots), 0) {
  const UseDevice use(device->device());
  share_gpus(bootstrap);
  windows = transport::connect_p2p(
      bootstrap, {.device = device->device(), .window_bytes = window_bytes, .deadline = group_config.deadline});
  arena = std::make_shared<Arena>(windows, std::span(windows->peer_window(rank()), windows->window_bytes(rank())),
                                  layout.arena_begin(), rank());
  set_deadline(group_config.deadline);
  enter_epoch(0);
  kernels::load_kernels();
  // Nobody calls before everybody's kernels are loaded: loading one may wait for those that run.
  (void)transport::agree(bootstrap, base::Deadline(group_config.deadline), [&] {
    start_watcher();
    return std::vector<std::byte>{};
  });
}

void CudaContext::start_watcher() {
  try {
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  } catch (const std::system_error& refusal) {
    throw Error(ErrorCode::kSystem, fmt::format("threads of a rank: expected one beside the caller, got none: {}{}",
                                                refusal.code().message(), base::thread_limit_behind()));
  }
}

// In a forked child there is no watcher to wait for, and CUDA must not be called.
CudaContext::~CudaContext() {
  if (is_inherited()) {
    std::construct_at(&watcher_);
    std::construct_at(&stopping_);
    return;
  }
  watcher_.request_stop();
  watcher_.join();
  if (host->faults.status()) device->interrupt();
  device.reset();
}

void CudaContext::watch(const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kLookEvery{50};
  std::unique_lock lock(epoch_mutex_);
  while (!stopping_.wait_for(lock, stop, kLookEvery, [&] { return stop.stop_requested(); })) {
    look_at_report();
    if (host->faults.status()) device->interrupt();
  }
}

void CudaContext::share_gpus(Bootstrap& bootstrap) {
  const GpuShare mine{.device = transport::id_of(device->device()), .num_sms = config.num_sms};
  const auto gathered =
      transport::agree(bootstrap, base::Deadline(config.deadline), [&] { return transport::bytes_of(mine); });
  std::vector<int> wanted;  // of the ranks on this GPU, 0 = as usual
  for (const auto& bytes : gathered) {
    const auto share = transport::struct_of<GpuShare>(bytes, "share of a GPU");
    if (share.device == mine.device) wanted.push_back(static_cast<int>(share.num_sms));
  }
  const int sms = device->num_sms();
  latency_sms_ = sms / static_cast<int>(wanted.size());
  const int usual = std::min(kUsualSms, latency_sms_);
  num_sms_ = config.num_sms > 0 ? config.num_sms : usual;
  std::int64_t taken = 0;
  for (const int of_rank : wanted) taken += of_rank > 0 ? of_rank : usual;
  if (taken > sms || usual < 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("GroupConfig::num_sms: expected the {} ranks that share GPU {} to take at most its {} SMs "
                            "together, got {}",
                            wanted.size(), device->device(), sms, taken),
                {.operation = "group", .phase = "devices", .rank = rank()});
  }
}

OwnWords* CudaContext::own_words() const {
  return reinterpret_cast<OwnWords*>(windows->peer_window(rank()) + layout.own_words());
}

Launch CudaContext::begin(const Execution& execution) const {
  Launch launch{.stream = execution.stream == nullptr ? device->stream() : static_cast<cudaStream_t>(execution.stream),
                .num_sms = execution.num_sms == 0 ? num_sms_ : std::clamp(execution.num_sms, 1, latency_sms_)};
  launch.captured = is_capturing(launch.stream);
  if (execution.after != nullptr) {
    check(cudaStreamWaitEvent(launch.stream, static_cast<cudaEvent_t>(execution.after)), "cudaStreamWaitEvent");
  }
  return launch;
}

void CudaContext::check_sms(const Execution& execution) const {
  if (execution.num_sms >= 0 && execution.num_sms <= latency_sms_) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("rank {}: execution.num_sms: expected 0 to {} (this rank's share of the GPU), got {}", rank(),
                          latency_sms_, execution.num_sms));
}

void CudaContext::end(const Execution& execution, const Launch& launch) const {
  if (!launch.captured) device->record_call(launch.stream);
  if (execution.done != nullptr) {
    check(cudaEventRecord(static_cast<cudaEvent_t>(execution.done), launch.stream), "cudaEventRecord");
  }
}

void CudaContext::check_epoch(const char* operation, std::int64_t epoch) const {
  const std::int64_t now = host->membership.epoch;
  if (epoch == now) return;
  throw Error(
      ErrorCode::kInvalidHandle,
      fmt::format("{}, rank {}: expected a call of epoch {}, got one of epoch {}", operation, rank(), now, epoch),
      {.operation = operation, .phase = "receive", .rank = rank(), .peer = rank()});
}

void CudaContext::look_at_report() {
  const device::WaitReport& report = device->words().report;
  if (std::atomic_ref(const_cast<std::uint64_t&>(report.written)).load(std::memory_order_acquire) == 0) return;
  // A peer that gave up first knows better; its word comes over the host.
  if (host->faults.status()) return;
  const Error error = device::error_of(report);
  Report words = error.report();
  words.epoch = host->membership.epoch;
  host->faults.record(Error(error.code(), std::string(error.message()), words));
}

void CudaContext::raise_faults() {
  look_at_report();
  host->faults.raise_sticky();
  if (const std::optional<Error> error = outcomes.next_failure(*host)) throw Error(*error);
}

std::optional<Error> CudaContext::status() {
  look_at_report();
  if (std::optional<Error> error = host->faults.status()) {
    device->interrupt();
    return error;
  }
  if (std::optional<Error> error = outcomes.next_failure(*host)) return error;
  const device::WaitReport& index = device->words().index_report;
  if (std::atomic_ref(const_cast<std::uint64_t&>(index.written)).load(std::memory_order_acquire) != 0) {
    return device::error_of(index);
  }
  return std::nullopt;
}

void CudaContext::await(const device::CallOutcome& outcome) {
  constexpr int kSpins = 2000;
  constexpr std::chrono::milliseconds kLookEvery{20};
  auto next_look = base::Clock::now() + kLookEvery;
  while (!Outcomes::is_written(outcome)) {
    for (int spin = 0; spin < kSpins && !Outcomes::is_written(outcome); ++spin) {
    }
    if (base::Clock::now() < next_look) continue;
    next_look = base::Clock::now() + kLookEvery;
    look_at_report();
    if (const std::optional<Error> error = host->faults.status()) {
      device->interrupt();
      throw Error(*error);
    }
    std::this_thread::yield();
  }
  if (outcome.state != device::CallState::kGaveUp) return;
  look_at_report();
  host->faults.raise_sticky();
}

void CudaContext::abort(const Error& error) noexcept {
  host->faults.record(error);
  device->interrupt();
}

void CudaContext::set_deadline(std::chrono::milliseconds deadline) {
  host->faults.set_deadline(deadline);
  device->set_deadline(deadline);
}

void CudaContext::set_live_ranks(std::span<const int> live) {
  const UseDevice use(device->device());
  look_at_report();
  if (host->faults.status()) device->interrupt();
  device->wait();
  const std::scoped_lock lock(epoch_mutex_);
  look_at_report();
  const bool faulty = host->faults.status().has_value();
  engine::set_live_ranks(*host, live, [&](std::int64_t epoch) {
    quarantine_credits(live, faulty);
    enter_epoch(epoch);
  });
}

void CudaContext::quarantine_credits(std::span<const int> live, bool faulty) {
  std::vector<int> masked;
  std::ranges::set_difference(host->live(), live, std::back_inserter(masked));
  if (faulty && !masked.empty()) {
    credits.quarantine(*arena, host->quarantine, host->membership.epoch, masked);
  }
  credits.clear();
}

void CudaContext::enter_epoch(std::int64_t epoch) {
  const UseDevice use(device->device());
  HostWords& words = device->words();
  words.report = {};
  words.index_report = {};
  outcomes.forget();
  device->set_deadline(host->faults.deadline());
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
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

CallFacts CudaContext::next_call(const char* operation, const Agreement& agreement) {
  ++host->sequence;
  return {.operation = operation, .agreement = agreement, .epoch = host->membership.epoch};
}

void CudaContext::tell_rejection(const Error& error) const {
  CallBlock block;
  block.rejected.set(error);
  for (const int peer : host->live()) {
    host->transport->put(peer, host->layout.control().call(0, rank()), std::as_bytes(std::span(&block, 1)));
  }
}

device::PeerPort CudaContext::port() const {
  device::PeerPort port{.rank = rank(), .num_ranks = num_ranks(), .live = 0};
  for (const int peer : host->live()) port.live |= 1U << peer;
  for (int peer = 0; peer < num_ranks(); ++peer) port.windows[peer] = windows->peer_window(peer);
  return port;
}

device::WaitLimit CudaContext::limit() const {
  HostWords& words = device->words();
  OwnWords* own = own_words();
  const auto* board = reinterpret_cast<const device::Board*>(windows->peer_window(rank()) + layout.board());
  return {.nanoseconds = &words.nanoseconds,
          .report = &words.report,
          .index_report = &words.index_report,
          .gave_up = &own->gave_up,
          .peers_gave_up = board->gave_up,
          .epoch = epoch_word(host->membership.epoch),
          .waited = own->waited};
}

device::Terms CudaContext::terms_of(const Agreement& agreement, std::int32_t rejected) {
  static_assert(static_cast<int>(Agreed::kCount) <= device::kNumAgreed);
  device::Terms terms{.rejected = rejected};
  std::ranges::copy(agreement.values(), terms.agreed);
  return terms;
}

}  // namespace crossdock::engine::cuda
