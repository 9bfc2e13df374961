// One rank on a GPU: its window and the memory that the kernels of src/kernels need, cut for the largest call.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>

#include "harness/device_buffer.hpp"
#include "kernels/combine/combine_args.hpp"
#include "kernels/dispatch/dispatch_args.hpp"
#include "kernels/routing/routing.hpp"
#include "transport/p2p/peer_windows.hpp"

namespace crossdock::gpu {

struct RankLimits {
  int num_ranks = 1;
  int num_experts = 8;
  int max_tokens = 0;
  int max_top_k = 8;
  int max_row_bytes = 0;
  int max_scale_words = 0;

  std::int64_t max_rows() const { return std::int64_t{max_tokens} * num_ranks; }
};

/// A rank's input on its GPU.
struct DispatchSource {
  int num_tokens = 0;
  int top_k = 0;
  int row_bytes = 0;
  int scale_words = 0;
  bool idx_is_64 = false;
  const std::byte* x = nullptr;
  const std::uint32_t* scales = nullptr;
  const void* topk_idx = nullptr;
  const float* topk_weights = nullptr;
};

class GpuRank {
 public:
  /// Collective over the bootstrap.
  GpuRank(Bootstrap& bootstrap, int device, const RankLimits& limits);
  GpuRank(const GpuRank&) = delete;
  GpuRank& operator=(const GpuRank&) = delete;
  ~GpuRank();

  int rank() const { return windows_->rank(); }
  int device() const { return windows_->device(); }
  cudaStream_t stream() const { return stream_; }
  void use_device() const;
  void set_deadline_ms(std::uint64_t milliseconds);
  const device::WaitReport& report() const { return control_->report; }

  /// Routing and dispatch share what lies between them; combine follows the last of both.
  kernels::RoutingArgs routing(const DispatchSource& source, std::uint64_t tag) const;
  kernels::DispatchArgs dispatch(const DispatchSource& source, std::uint64_t tag, std::int64_t capacity) const;
  kernels::CombineArgs combine(const DispatchSource& source, std::uint64_t tag) const;

  /// In the own window.
  std::byte* x_out() const { return at(offer_.x); }
  std::byte* scales_out() const { return at(offer_.scales); }
  std::byte* idx_out() const { return at(offer_.idx); }
  std::byte* weights_out() const { return at(offer_.weights); }
  std::byte* combine_rows() const { return at(combine_rows_); }
  std::byte* y() const { return y_.as<std::byte>(); }
  const std::int32_t* tokens_per_expert() const { return tokens_per_expert_.as<std::int32_t>(); }
  const kernels::DispatchOutcome& outcome() const { return control_->outcome; }

 private:
  /// Host memory that kernels reach.
  struct Control {
    std::uint64_t nanoseconds = 20'000'000'000;
    device::WaitReport report = {};
    kernels::DispatchOutcome outcome = {};
  };

  std::byte* at(std::uint64_t offset) const { return windows_->peer_window(rank()) + offset; }
  device::WaitLimit limit() const;
  device::PeerPort port() const;

  RankLimits limits_;
  std::uint64_t board_ = 0;
  device::Offer offer_;
  std::uint64_t combine_rows_ = 0;
  std::unique_ptr<transport::PeerWindows> windows_;
  cudaStream_t stream_ = nullptr;
  Control* control_ = nullptr;
  DeviceBuffer slots_, rank_rows_, expert_rows_, first_rows_, tokens_per_expert_, scratch_, counters_, y_;
};

}  // namespace crossdock::gpu
