// The GPU of a rank as the host sees it: device, stream, memory that both reach.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.hpp"
#include "base/process_mark.hpp"
#include "device/port/terms.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::engine::cuda {

/// Throws Error(kSystem) that names the call and CUDA's reason.
void check(cudaError_t status, const char* what);

/// Makes a device the calling thread's while it lives.
class UseDevice {
 public:
  explicit UseDevice(int device);
  UseDevice(const UseDevice&) = delete;
  UseDevice& operator=(const UseDevice&) = delete;
  ~UseDevice();

 private:
  int before_ = 0;
};

/// Calls whose host side may be behind their GPU side; older ones have to be done.
inline constexpr int kOutcomeRing = 1024;
/// Calls captured in graphs over the life of a group.
inline constexpr int kCapturedOutcomes = 4096;

/// Pinned memory that kernels read and write while they run.
struct HostWords {
  std::uint64_t nanoseconds = 0;
  device::WaitReport report = {};
  device::WaitReport index_report = {};
  std::uint64_t failed = 0;               ///< not 0 = kernels have written outcomes of calls that failed
  device::CallOutcome nobody_looks = {};  ///< of a call that this rank itself rejected
  device::CallOutcome outcomes[kOutcomeRing + kCapturedOutcomes] = {};
};

/// Stream, event and host words of one rank.
class DeviceState {
 public:
  /// device -1 = the calling thread's current one.
  explicit DeviceState(int device);
  DeviceState(const DeviceState&) = delete;
  DeviceState& operator=(const DeviceState&) = delete;
  /// Waits for the group's own work, which ends at its deadline at the latest.
  ~DeviceState();

  int device() const { return device_; }
  int num_sms() const { return num_sms_; }
  cudaStream_t stream() const { return stream_; }
  HostWords& words() const { return *words_; }

  /// What `wait` waits for: the latest call that was put on a stream. Not for captured ones.
  void record_call(cudaStream_t stream) const;
  /// False where that has not come at the deadline.
  bool wait(const base::Deadline& deadline) const;

  /// Kernels of the group read it while they wait.
  void set_deadline(std::chrono::milliseconds deadline) const;
  /// Ends every wait of this rank's kernels soon.
  void interrupt() const { set_deadline(std::chrono::milliseconds{0}); }

 private:
  base::ProcessMark process_;
  int device_ = 0;
  int num_sms_ = 0;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t last_call_ = nullptr;
  HostWords* words_ = nullptr;
};

bool is_capturing(cudaStream_t stream);

}  // namespace crossdock::engine::cuda
