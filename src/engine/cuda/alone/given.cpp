#include "engine/cuda/alone/given.hpp"

#include <fmt/format.h>

#include "engine/cuda/memory_check.hpp"

namespace crossdock::engine::cuda {

void check_memory(const Given& given) {
  core::check_memory(given.caller(), given.what, given.view);
  check_device_memory(given.caller(), given.what, given.view);
}

void check_aligned(const Given& given, std::size_t bytes) {
  const bool empty = given.view.num_elements() == 0;
  if (empty || reinterpret_cast<std::uintptr_t>(given.view.data) % bytes == 0) return;
  core::reject(given.caller(), given.what, fmt::format("memory aligned to {} bytes", bytes),
               fmt::format("{}", given.view.data));
}

void check_tensor(const Given& given, DType dtype, std::initializer_list<std::int64_t> shape) {
  core::check_shape(given.caller(), given.what, given.view);
  const ConstTensorView& view = given.view;
  const ConstTensorView expected = dense_view(static_cast<const void*>(nullptr), dtype, shape);
  bool fits = view.num_dims == expected.num_dims && view.dtype == dtype && is_dense(view);
  for (std::size_t d = 0; d < shape.size(); ++d) fits = fits && view.shape[d] == expected.shape[d];
  if (!fits) core::reject(given.caller(), given.what, "dense " + describe(expected), describe(view));
  check_memory(given);
}

}  // namespace crossdock::engine::cuda
