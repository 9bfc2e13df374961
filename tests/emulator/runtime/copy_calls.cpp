// cudaMemcpy... and cudaMemset.
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "runtime/capture.hpp"
#include "runtime/device.hpp"
#include "runtime/error.hpp"
#include "runtime/memory.hpp"

namespace crossdock::emulator {
namespace {

/// Up to here CUDA takes the bytes of pageable memory without waiting for the stream.
constexpr std::size_t kStagedAtOnce = 64 * 1024;

/// Rows of bytes.
struct Copy {
  std::byte* to = nullptr;
  std::size_t to_pitch = 0;
  const std::byte* from = nullptr;
  std::size_t from_pitch = 0;
  std::size_t width = 0;
  std::size_t height = 1;

  bool is_empty() const { return width == 0 || height == 0; }
  std::size_t span(std::size_t pitch) const { return (height - 1) * pitch + width; }
  void run() const {
    for (std::size_t row = 0; row < height; ++row) std::memcpy(to + row * to_pitch, from + row * from_pitch, width);
  }
};

Copy copy_of(void* to, const void* from, std::size_t bytes) {
  return {.to = static_cast<std::byte*>(to),
          .to_pitch = bytes,
          .from = static_cast<const std::byte*>(from),
          .from_pitch = bytes,
          .width = bytes};
}

enum class Side : std::uint8_t { kBad, kPageable, kGpuReaches };

Side side_of(const void* pointer, std::size_t bytes, bool on_device) {
  const auto range = MemoryMap::of_process().find(pointer, bytes);
  if (on_device) return range ? Side::kGpuReaches : Side::kBad;
  if (!range) return MemoryMap::of_process().find(pointer) ? Side::kBad : Side::kPageable;
  return range->is_pinned() ? Side::kGpuReaches : Side::kBad;
}

bool is_kind(cudaMemcpyKind kind) { return kind >= cudaMemcpyHostToDevice && kind <= cudaMemcpyDeviceToDevice; }

Operation task_of(const Copy& copy) {
  return Task([copy] { copy.run(); });
}

/// Pageable memory is the caller's again when the call returns.
void add_from_pageable(Stream& stream, Copy copy) {
  if (copy.width * copy.height > kStagedAtOnce) stream.mark()->wait();
  const auto staging = std::make_shared<std::vector<std::byte>>(copy.width * copy.height);
  Copy take = copy;
  take.to = staging->data();
  take.to_pitch = copy.width;
  take.run();
  copy.from = staging->data();
  copy.from_pitch = copy.width;
  stream.add([staging, copy] { copy.run(); });
}

cudaError_t copy_async(const Copy& copy, cudaMemcpyKind kind, cudaStream_t handle) {
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (!is_kind(kind)) return cudaErrorInvalidValue;
  if (copy.is_empty()) return cudaSuccess;
  if (copy.width > copy.to_pitch || copy.width > copy.from_pitch) return cudaErrorInvalidPitchValue;
  const Side to = side_of(copy.to, copy.span(copy.to_pitch), kind != cudaMemcpyDeviceToHost);
  const Side from = side_of(copy.from, copy.span(copy.from_pitch), kind != cudaMemcpyHostToDevice);
  if (to == Side::kBad || from == Side::kBad) return cudaErrorInvalidValue;
  // A graph reads pageable memory at each launch.
  if (const auto captured = Captures::of_process().add(*stream, [copy] { return task_of(copy); })) return *captured;
  if (from == Side::kPageable) {
    add_from_pageable(*stream, copy);
  } else {
    stream->add(task_of(copy));
  }
  if (to == Side::kPageable) stream->mark()->wait();
  return cudaSuccess;
}

/// On the default stream; waits until the bytes are there.
cudaError_t copy_now(const Copy& copy, cudaMemcpyKind kind) {
  const cudaError_t refused = Captures::of_process().refuse_unsafe();
  if (refused != cudaSuccess) return refused;
  const cudaError_t result = copy_async(copy, kind, nullptr);
  if (result == cudaSuccess) current_device().default_stream()->mark()->wait();
  return result;
}

cudaError_t set_async(void* memory, int value, std::size_t bytes, cudaStream_t handle) {
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  if (!MemoryMap::of_process().find(memory, bytes)) return cudaErrorInvalidValue;
  return submit(*stream, [=] { return Task([=] { std::memset(memory, value, bytes); }); });
}

/// On the default stream. As CUDA's, it waits for pinned memory alone: streams of kernels do not wait for it either, so
/// who does without cudaDeviceSynchronize has a race.
cudaError_t set_now(void* memory, int value, std::size_t bytes) {
  const cudaError_t refused = Captures::of_process().refuse_unsafe();
  if (refused != cudaSuccess) return refused;
  const cudaError_t result = set_async(memory, value, bytes, nullptr);
  const auto range = MemoryMap::of_process().find(memory);
  if (result == cudaSuccess && range && range->is_pinned()) current_device().default_stream()->mark()->wait();
  return result;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return answer(copy_now(copy_of(to, from, bytes), kind));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return answer(copy_async(copy_of(to, from, bytes), kind, stream));
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  const Copy copy{.to = static_cast<std::byte*>(to),
                  .to_pitch = to_pitch,
                  .from = static_cast<const std::byte*>(from),
                  .from_pitch = from_pitch,
                  .width = width,
                  .height = height};
  return answer(copy_async(copy, kind, stream));
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, std::size_t bytes,
                                cudaStream_t stream) {
  if (find_device(to_device) == nullptr || find_device(from_device) == nullptr) return answer(cudaErrorInvalidDevice);
  return answer(copy_async(copy_of(to, from, bytes), cudaMemcpyDeviceToDevice, stream));
}

cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) { return answer(set_now(memory, value, bytes)); }

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return answer(set_async(memory, value, bytes, stream));
}
