#include "engine/cuda/memory_check.hpp"

#include "core/contract/reject.hpp"
#include "engine/cuda/device_state.hpp"

namespace crossdock::engine::cuda {

void check_device_memory(const char* operation, int rank, const char* what, const ConstTensorView& view) {
  if (view.num_elements() == 0) return;
  cudaPointerAttributes attributes{};
  check(cudaPointerGetAttributes(&attributes, view.data), "cudaPointerGetAttributes");
  if (attributes.type != cudaMemoryTypeUnregistered) return;
  core::reject({.operation = operation, .rank = rank}, what, "GPU memory", "ordinary host memory");
}

}  // namespace crossdock::engine::cuda
