// Memory of one GPU, for tests and benchmarks.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "kernels/launch.hpp"

namespace crossdock::gpu {

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  /// Zeros on the current device.
  explicit DeviceBuffer(std::size_t bytes) {
    kernels::check_cuda(cudaMalloc(&data_, bytes == 0 ? 1 : bytes), "cudaMalloc");
    kernels::check_cuda(cudaMemset(data_, 0, bytes), "cudaMemset");
  }
  template <typename T>
  static DeviceBuffer copy_of(const std::vector<T>& values) {
    DeviceBuffer buffer(values.size() * sizeof(T));
    if (!values.empty()) {
      kernels::check_cuda(cudaMemcpy(buffer.data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice),
                          "cudaMemcpy");
    }
    return buffer;
  }
  DeviceBuffer(DeviceBuffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~DeviceBuffer() { cudaFree(data_); }

  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
};

/// Device memory in host memory.
template <typename T>
std::vector<T> read_back(const void* device, std::size_t count) {
  std::vector<T> values(count);
  if (count > 0)
    kernels::check_cuda(cudaMemcpy(values.data(), device, count * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
  return values;
}

}  // namespace crossdock::gpu
