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
  bool column_major_scales = false;
  bool idx_is_64 = false;
  bool recv_idx_is_64 = false;
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

  /// A series of calls with tags of its own.
  enum class Call : std::size_t { kDispatch, kCombine, kCount };

  /// Ranks that take part in the calls from now on.
  void set_live(std::uint32_t live) { live_ = live; }
  /// A call that this rank, not live, takes no part in: its tags go on with those of the others.
  void skip(Call call);

  /// Routing and dispatch share what lies between them; combine follows the last of both.
  kernels::RoutingArgs routing(const DispatchSource& source) const;
  kernels::DispatchArgs dispatch(const DispatchSource& source, std::int64_t capacity) const;
  /// bf16 rows as wide as those of the source.
  kernels::CombineArgs combine(const DispatchSource& source) const;

  /// In the own window.
  std::byte* x_out() const { return at(offer_.x); }
  std::byte* scales_out() const { return at(offer_.scales); }
  std::byte* idx_out() const { return at(offer_.idx); }
  std::byte* weights_out() const { return at(offer_.weights); }
  std::byte* tokens_out() const { return at(offer_.tokens); }
  std::byte* combine_rows() const { return at(combine_rows_); }
  std::byte* y() const { return y_.as<std::byte>(); }
  const std::int32_t* tokens_per_expert() const { return tokens_per_expert_.as<std::int32_t>(); }
  const std::int32_t* selections() const { return selections_.as<std::int32_t>(); }
  const std::int32_t* source_first() const { return source_first_.as<std::int32_t>(); }
  const std::int32_t* source_rows() const { return source_rows_.as<std::int32_t>(); }
  std::uint64_t positions_at() const { return positions_; }
  std::byte* positions() const { return at(positions_); }
  float* collected_weights() const { return collected_weights_.as<float>(); }
  const std::int64_t* num_rows() const { return num_rows_.as<std::int64_t>(); }
  const std::uint32_t* failed() const { return failed_.as<std::uint32_t>(); }
  const device::CallOutcome& outcome() const { return control_->outcome; }
  const device::CallOutcome& combine_outcome() const { return control_->combine_outcome; }
  const device::WaitReport& index_report() const { return control_->index_report; }

 private:
  /// Host memory that kernels reach.
  struct Control {
    std::uint64_t nanoseconds = 20'000'000'000;
    device::WaitReport report = {};
    device::WaitReport index_report = {};
    device::CallOutcome outcome = {};
    device::CallOutcome combine_outcome = {};
  };

  std::byte* at(std::uint64_t offset) const { return windows_->peer_window(rank()) + offset; }
  device::WaitLimit limit() const;
  device::PeerPort port() const;
  device::Channel* channel(Call call) const;

  RankLimits limits_;
  std::uint64_t board_ = 0;
  device::Offer offer_;
  std::uint64_t combine_rows_ = 0;
  std::uint64_t positions_ = 0;
  std::uint32_t live_ = ~0U;
  std::unique_ptr<transport::PeerWindows> windows_;
  cudaStream_t stream_ = nullptr;
  Control* control_ = nullptr;
  DeviceBuffer slots_, rank_rows_, expert_rows_, selections_, first_rows_, tokens_per_expert_, source_first_,
      source_rows_, num_rows_, failed_, collected_weights_, scratch_, channels_, gave_up_, waited_, y_;
};

}  // namespace crossdock::gpu
