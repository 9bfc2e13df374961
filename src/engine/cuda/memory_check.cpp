#include "engine/cuda/memory_check.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "engine/cuda/device_state.hpp"

namespace crossdock::engine::cuda {

void check_device_memory(const core::Caller& caller, std::string_view what, const ConstTensorView& view) {
  if (view.num_elements() == 0) return;
  cudaPointerAttributes attributes{};
  check(cudaPointerGetAttributes(&attributes, view.data), "cudaPointerGetAttributes");
  if (attributes.type == cudaMemoryTypeUnregistered) core::reject(caller, what, "GPU memory", "ordinary host memory");
  if (attributes.type != cudaMemoryTypeDevice) return;
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  if (attributes.device == device) return;
  core::reject(caller, what, fmt::format("memory of GPU {}", device),
               fmt::format("memory of GPU {}", attributes.device));
}

void check_alignment(const core::Caller& caller, std::string_view what, const ConstTensorView& view) {
  constexpr std::uintptr_t kVector = 16;
  const std::uintptr_t beyond = reinterpret_cast<std::uintptr_t>(view.data) % kVector;
  if (view.num_elements() == 0 || beyond == 0) return;
  core::reject(caller, what, "memory at a multiple of 16 bytes", fmt::format("{} beyond one", beyond));
}

}  // namespace crossdock::engine::cuda
