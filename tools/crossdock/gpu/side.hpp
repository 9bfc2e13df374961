// One GPU of several that one thread measures together. For the sources of this folder that are built with CUDA.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace crossdock::tools::gpu {

/// Memory, a stream and two moments of it. Every call makes the GPU the calling thread's.
class Side {
 public:
  Side(int device, std::size_t bytes);
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side();

  /// Kernels of this GPU may use the other one's memory.
  void reach(int peer) const;
  void use() const;
  void begin() const;
  void end() const;
  /// Waits for end.
  float milliseconds() const;

  int device() const { return device_; }
  std::byte* from() const { return static_cast<std::byte*>(from_); }
  std::byte* to() const { return static_cast<std::byte*>(to_); }
  cudaStream_t stream() const { return stream_; }

 private:
  int device_;
  void* from_ = nullptr;
  void* to_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

/// The first GPUs, each able to reach the one before and the one after it. The calling thread's GPU comes back at the
/// end.
class Ring {
 public:
  Ring(int num_devices, std::size_t bytes);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  std::size_t size() const { return sides_.size(); }
  const Side& operator[](std::size_t at) const { return *sides_[at % sides_.size()]; }

  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (const auto& side : sides_) visit(*side);
  }

  void begin() const;
  /// Microseconds of the slowest GPU since begin.
  double end() const;

 private:
  int before_ = 0;
  std::vector<std::unique_ptr<Side>> sides_;
};

}  // namespace crossdock::tools::gpu
