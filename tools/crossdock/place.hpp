// Where a rank's tensors lie: in host memory, or on its GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "crossdock/operations.hpp"
#include "gpu/device.hpp"

namespace crossdock::tools {

class Place {
 public:
  /// nullptr = host memory. The device outlives it.
  explicit Place(gpu::Device* device) : device_(device) {}

  bool on_gpu() const { return device_ != nullptr; }

  /// The same tensor where calls read it; gaps of the strides come along. Host memory is used as it is.
  ConstTensorView put(const ConstTensorView& host);
  DispatchInput put(DispatchInput host);
  CombineInput put(CombineInput host);

  /// Ordinary memory that a call writes into: dense, poison (reference::kPoison) at first.
  TensorView make(DType dtype, const std::vector<std::int64_t>& shape);
  void poison(void* memory, std::size_t bytes);
  /// Both dense and here.
  void copy(const TensorView& to, const ConstTensorView& from);

  /// The same tensor in host memory, when the calls made so far are done; gaps of the strides come along.
  TensorView read(const TensorView& view);
  /// num_rows is what the GPU says where the host did not wait for it.
  DispatchResult read(DispatchResult result);
  CombineResult read(CombineResult result);
  std::vector<std::byte> read_bytes(const void* memory, std::size_t bytes);

  /// Gives back everything that put, make and read have taken.
  void clear();

 private:
  gpu::Device* device_;
  std::deque<std::vector<std::byte>> host_;
};

/// Elements from the first to the last one in memory, gaps included.
std::size_t span_elements(const ConstTensorView& view);

}  // namespace crossdock::tools
