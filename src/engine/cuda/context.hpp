// What all operations of one rank share on a GPU.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/process_mark.hpp"
#include "crossdock/operations.hpp"
#include "device/port/board.hpp"
#include "engine/arena.hpp"
#include "engine/context.hpp"
#include "engine/cuda/call_paths.hpp"
#include "engine/cuda/credits.hpp"
#include "engine/cuda/device_state.hpp"
#include "engine/cuda/outcomes.hpp"
#include "engine/cuda/window.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#include "transport/p2p/peer_windows.hpp"

namespace crossdock::engine::cuda {

/// A stream and the SMs that one call takes on it.
struct Launch {
  cudaStream_t stream = nullptr;
  int num_sms = 0;
  bool captured = false;
};

class CudaContext {
 public:
  /// Collective. Throws Error where the ranks that share a GPU take more SMs than it has.
  CudaContext(Bootstrap& bootstrap, const GroupConfig& group_config, std::size_t window_bytes);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  GroupConfig config;
  /// Membership, faults, numbering of calls: what ranks tell one another over the host.
  std::shared_ptr<Context> host;
  WindowLayout layout;
  std::shared_ptr<DeviceState> device;
  std::shared_ptr<transport::PeerWindows> windows;
  std::shared_ptr<Arena> arena;
  CallPaths paths;
  Outcomes outcomes;
  Credits credits;
  std::int64_t latency_dispatches = 0;
  std::int64_t latency_combines = 0;
  std::vector<std::uint8_t> combine_busy;  ///< [latency_slots]: the same of combines
  std::vector<std::uint8_t> slot_busy;     ///< [latency_slots]: a latency dispatch of this rank is in flight there

  bool is_inherited() const { return process_.is_inherited(); }
  int rank() const { return host->rank(); }
  int num_ranks() const { return host->num_ranks(); }
  int num_local_experts() const { return host->num_local_experts(rank()); }
  OwnWords* own_words() const;
  /// SMs of a call that has nobody else on the GPU to wait for while bytes fly.
  int latency_sms() const { return latency_sms_; }
  /// No other rank's kernels need room on this GPU: those of a latency call may start while the ones before them run.
  bool has_gpu_alone() const { return latency_sms_ == device->num_sms(); }

  /// Stream and SMs of a call.
  Launch launch_of(const Execution& execution) const;
  /// Makes the stream wait for what the caller asks; it may join a capture by that.
  void order(const Execution& execution, Launch& launch) const;
  /// Throws InvalidArgument where a call asks for more than this rank's share of its GPU.
  void check_sms(const Execution& execution) const;
  void end(const Execution& execution, const Launch& launch) const;

  /// Throws InvalidHandle where a new epoch has begun since a call was made.
  void check_epoch(const char* operation, std::int64_t epoch) const;
  /// Throws what the GPU or the peers have learnt since the last call.
  void raise_faults();
  /// The sticky fault, or what a call or an index has been refused for. Any thread.
  std::optional<Error> status();
  /// Waits for the host's end of an outcome. Throws what the call failed with, or the fault that ends the wait.
  void await(const device::CallOutcome& outcome);
  /// Waits for the latest call that was put on a stream. Throws DeadlineExceeded where the stream does not come to it.
  void wait(const char* operation) const;
  /// Waits for what has been put on the group's stream, alike.
  void wait_for_stream(const char* operation) const;
  void abort(const Error& error) noexcept;
  void set_live_ranks(std::span<const int> live);
  void set_deadline(std::chrono::milliseconds deadline);

  /// What `error` says of the call that gets the next number reaches the peers over the host; its code goes with the
  /// call.
  void tell_rejection(const Error& error) const;

  // Arguments of every kernel.
  device::PeerPort port() const;
  device::WaitLimit limit() const;
  static device::Terms terms_of(const Agreement& agreement, std::int32_t rejected = -1);

  Reservation reserve(std::size_t bytes) {
    host->quarantine.purge();
    return arena->reserve(bytes);
  }
  std::size_t offset_of(const void* data) const { return arena->offset_of(data); }

 private:
  void start_watcher();
  /// The host gives its kernels, which have the group's deadline for each wait, as long again to come to them, and time
  /// to notice.
  base::Deadline patience() const;
  Error stuck(const char* operation) const;
  /// Collective: makes the rank's state on its GPU, and shares the SMs of each GPU among its ranks.
  void share_gpus(Bootstrap& bootstrap);
  void enter_epoch(std::int64_t epoch);
  /// Of calls that a fault has cut short, where ranks that took part do not take part any more.
  void quarantine_credits(std::span<const int> live);
  /// Ends the waits of kernels where there is a fault.
  void interrupt_if_faulty();
  /// A fault that a kernel has reported becomes the group's.
  void look_at_report();
  /// A call that ranks make on different channels becomes one, too.
  void look_at_paths();

  /// Until asked to stop: a host that waits for its stream alone does not look, and kernels cannot see that a process
  /// has ended.
  void watch(const std::stop_token& stop);

  base::ProcessMark process_;
  int num_sms_ = 0;
  int latency_sms_ = 0;
  std::mutex epoch_mutex_;  ///< held while the epoch changes: the watcher is held off
  std::mutex words_mutex_;  ///< reports and the deadline in HostWords, which any thread may look at or set meanwhile
  std::condition_variable_any stopping_;
  std::jthread watcher_;
};

}  // namespace crossdock::engine::cuda
