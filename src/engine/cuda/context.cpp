#include "engine/cuda/context.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "base/limits.hpp"
#include "device/sync/report.hpp"
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

/// Behind the messages lie this rank's CallPaths.
std::size_t paths_offset(const GroupConfig& config, int num_ranks) {
  return engine::WindowLayout(host_config(config), num_ranks).arena_begin();
}

std::shared_ptr<Context> connect_host(Bootstrap& bootstrap, const GroupConfig& config) {
  const GroupConfig host = host_config(config);
  const std::size_t bytes = paths_offset(config, bootstrap.num_ranks()) + CallPaths::kBytes;
  return std::make_shared<Context>(
      host, bootstrap.num_ranks(),
      transport::connect_local(bootstrap,
                               {.window_bytes = bytes, .num_signals = num_signals(), .deadline = config.deadline}));
}

/// What ranks tell one another of their GPUs.
struct GpuShare {
  transport::DeviceId device = {};
  std::int64_t sms = 0;      ///< that the GPU has
  std::int64_t num_sms = 0;  ///< that the rank wants, 0 = as usual
};

/// SMs of one GPU among the ranks that share it.
struct GpuShares {
  std::vector<int> ranks = {};
  std::int64_t each = 0;   ///< equal parts
  std::int64_t usual = 0;  ///< that a rank takes unless it wants another number
  std::int64_t taken = 0;
};

GpuShares shares_of(const std::vector<GpuShare>& all, const GpuShare& gpu) {
  GpuShares shares;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank].device == gpu.device) shares.ranks.push_back(static_cast<int>(rank));
  }
  shares.each = gpu.sms / static_cast<std::int64_t>(shares.ranks.size());
  shares.usual = std::min<std::int64_t>(kUsualSms, shares.each);
  for (const int rank : shares.ranks) {
    const std::int64_t wanted = all[static_cast<std::size_t>(rank)].num_sms;
    shares.taken += wanted > 0 ? wanted : shares.usual;
  }
  return shares;
}

/// Looks at all GPUs, so that all ranks refuse alike.
void check_shares(const std::vector<GpuShare>& all, int rank) {
  for (const GpuShare& gpu : all) {
    const GpuShares shares = shares_of(all, gpu);
    if (shares.taken <= gpu.sms && shares.usual >= 1) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("GroupConfig::num_sms: expected ranks [{}], which share a GPU, to take at most its {} SMs "
                            "together, got {}",
                            fmt::join(shares.ranks, ", "), gpu.sms, shares.taken),
                {.operation = "group", .phase = "devices", .rank = rank, .peer = shares.ranks.front()});
  }
}

/// Collective: a step that succeeds on all ranks or on none.
template <typename Step>
void on_all_ranks(Bootstrap& bootstrap, const GroupConfig& config, const Step& step) {
  (void)transport::agree(bootstrap, base::Deadline(config.deadline), [&] {
    step();
    return std::vector<std::byte>{};
  });
}

std::shared_ptr<DeviceState> make_device(Bootstrap& bootstrap, const GroupConfig& config) {
  std::shared_ptr<DeviceState> device;
  on_all_ranks(bootstrap, config, [&] { device = std::make_shared<DeviceState>(config.device); });
  return device;
}

}  // namespace

CudaContext::CudaContext(Bootstrap& bootstrap, const GroupConfig& group_config, std::size_t window_bytes)
    : config(group_config),
      host(connect_host(bootstrap, group_config)),
      layout(group_config, bootstrap.num_ranks()),
      device(make_device(bootstrap, group_config)),
      paths(host->transport, paths_offset(group_config, bootstrap.num_ranks())),
      outcomes(device->words()),
      combine_busy(static_cast<std::size_t>(group_config.latency_slots), 0),
      slot_busy(static_cast<std::size_t>(group_config.latency_slots), 0) {
  const UseDevice use(device->device());
  share_gpus(bootstrap);
  windows = transport::connect_p2p(
      bootstrap, {.device = device->device(), .window_bytes = window_bytes, .deadline = group_config.deadline});
  // Nobody calls before everybody's kernels are loaded: loading one may wait for those that run.
  on_all_ranks(bootstrap, group_config, [&] {
    arena = std::make_shared<Arena>(windows, std::span(windows->peer_window(rank()), windows->window_bytes(rank())),
                                    layout.arena_begin(), rank());
    set_deadline(group_config.deadline);
    enter_epoch(0);
    kernels::load_kernels();
    start_watcher();
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
    if (!host->faults.status()) look_at_paths();
    interrupt_if_faulty();
  }
}

void CudaContext::interrupt_if_faulty() {
  const std::scoped_lock lock(words_mutex_);
  if (host->faults.is_faulty()) device->interrupt();
}

void CudaContext::look_at_paths() {
  if (const std::optional<Error> error = paths.find_difference(host->membership)) host->faults.record(*error);
}

void CudaContext::share_gpus(Bootstrap& bootstrap) {
  const GpuShare mine{
      .device = transport::id_of(device->device()), .sms = device->num_sms(), .num_sms = config.num_sms};
  const auto gathered =
      transport::agree(bootstrap, base::Deadline(config.deadline), [&] { return transport::bytes_of(mine); });
  std::vector<GpuShare> all;
  for (const auto& bytes : gathered) all.push_back(transport::struct_of<GpuShare>(bytes, "share of a GPU"));
  check_shares(all, rank());
  const GpuShares shares = shares_of(all, mine);
  latency_sms_ = static_cast<int>(shares.each);
  num_sms_ = config.num_sms > 0 ? config.num_sms : static_cast<int>(shares.usual);
}

OwnWords* CudaContext::own_words() const {
  return reinterpret_cast<OwnWords*>(windows->peer_window(rank()) + layout.own_words());
}

Launch CudaContext::launch_of(const Execution& execution) const {
  const Stream& stream = execution.stream;
  return {.stream = stream.is_group() ? device->stream() : static_cast<cudaStream_t>(stream.handle()),
          .num_sms = execution.num_sms == 0 ? num_sms_ : std::clamp(execution.num_sms, 1, latency_sms_)};
}

void CudaContext::order(const Execution& execution, Launch& launch) const {
  launch.captured = is_capturing(launch.stream);
  if (execution.after == nullptr) return;
  check(cudaStreamWaitEvent(launch.stream, static_cast<cudaEvent_t>(execution.after)), "cudaStreamWaitEvent");
  launch.captured = is_capturing(launch.stream);
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
  const std::scoped_lock lock(words_mutex_);
  const device::WaitReport& report = device->words().report;
  if (std::atomic_ref(const_cast<std::uint64_t&>(report.written)).load(std::memory_order_acquire) == 0) return;
  // A peer that gave up first knows better; its word comes over the host.
  if (host->faults.status()) return;
  const Error error = device::error_of(report);
  Report words = error.report();
  words.epoch = host->faults.epoch();
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
    interrupt_if_faulty();
    return error;
  }
  if (std::optional<Error> error = outcomes.next_failure(*host)) return error;
  const std::scoped_lock lock(words_mutex_);
  const device::WaitReport& index = device->words().index_report;
  if (std::atomic_ref(const_cast<std::uint64_t&>(index.written)).load(std::memory_order_acquire) != 0) {
    return device::error_of(index);
  }
  return std::nullopt;
}

void CudaContext::abort(const Error& error) noexcept {
  host->faults.record(error);
  interrupt_if_faulty();
}

void CudaContext::set_deadline(std::chrono::milliseconds deadline) {
  host->faults.set_deadline(deadline);
  device->set_deadline(deadline);
}

void CudaContext::tell_rejection(const Error& error) const {
  CallBlock block;
  block.rejected.set(error);
  const int slot = rejection_slot(host->sequence);
  const int word = signal_index(SignalKind::kCall, slot);
  for (const int peer : host->live()) {
    host->transport->signal(peer, word, 0);  // who reads what was there sees that it goes
    host->transport->put(peer, host->layout.control().call(slot, rank()), std::as_bytes(std::span(&block, 1)));
    host->transport->signal(peer, word, make_tag(host->membership.epoch, host->sequence));
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
  static_assert(static_cast<int>(Agreed::kDispatchFailed) == device::kDispatchFailed);
  device::Terms terms{.rejected = rejected};
  std::ranges::copy(agreement.values(), terms.agreed);
  return terms;
}

}  // namespace crossdock::engine::cuda
