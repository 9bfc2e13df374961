// What tests of the emulated runtime share.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/launch.hpp"
#include "simt/block.hpp"

namespace crossdock::emulator {

using std::chrono::milliseconds;

#define EXPECT_CUDA(call) EXPECT_EQ(call, cudaSuccess)
#define ASSERT_CUDA(call) ASSERT_EQ(call, cudaSuccess)

/// Stands for a kernel where its attributes are asked for.
inline void any_kernel() {}
inline const void* address_of(void (*kernel)()) { return reinterpret_cast<const void*>(kernel); }

/// Opens once; kernels wait for it.
class Gate {
 public:
  void open() { open_ = true; }
  void wait() const {
    while (!open_) std::this_thread::yield();
  }
  bool wait_at_most(milliseconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!open_ && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return open_;
  }

 private:
  std::atomic<bool> open_{false};
};

inline cudaError_t launch_one(cudaStream_t stream, std::function<void()> body) {
  cudaLaunchConfig_t config{};
  config.stream = stream;
  return launch(config, address_of(any_kernel), std::move(body));
}

/// After its body the kernel waits for those before.
inline cudaError_t launch_overlapped(cudaStream_t stream, std::function<void()> body) {
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.stream = stream;
  config.attrs = &overlap;
  config.numAttrs = 1;
  return launch(config, address_of(any_kernel), [body = std::move(body)] {
    body();
    Block::current()->wait_for_earlier_kernels();
  });
}

class Streams : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_CUDA(cudaSetDevice(0));
    for (cudaStream_t* stream : {&stream_, &other_}) {
      ASSERT_CUDA(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
    }
    ASSERT_CUDA(cudaEventCreate(&event_));
    ASSERT_CUDA(cudaEventCreate(&later_));
    // Loaded before any stream is captured.
    cudaFuncAttributes attributes{};
    ASSERT_CUDA(cudaFuncGetAttributes(&attributes, any_kernel));
    cudaGetLastError();
  }
  void TearDown() override {
    for (cudaStream_t stream : {stream_, other_}) EXPECT_CUDA(cudaStreamDestroy(stream));
    for (cudaEvent_t event : {event_, later_}) EXPECT_CUDA(cudaEventDestroy(event));
  }

  cudaStream_t stream_ = nullptr;
  cudaStream_t other_ = nullptr;
  cudaEvent_t event_ = nullptr;
  cudaEvent_t later_ = nullptr;
};

template <typename T>
class Buffer {
 public:
  explicit Buffer(std::size_t count) : count_(count) { EXPECT_CUDA(cudaMalloc(&data_, count * sizeof(T))); }
  ~Buffer() { EXPECT_CUDA(cudaFree(data_)); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    EXPECT_CUDA(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  std::size_t count_;
  T* data_ = nullptr;
};

class Pinned {
 public:
  explicit Pinned(int value) {
    EXPECT_CUDA(cudaHostAlloc(&data_, sizeof(int), cudaHostAllocPortable));
    *data_ = value;
  }
  ~Pinned() { EXPECT_CUDA(cudaFreeHost(data_)); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  int* data() const { return data_; }

 private:
  int* data_ = nullptr;
};

}  // namespace crossdock::emulator
