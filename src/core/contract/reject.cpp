#include "core/contract/reject.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace crossdock::core {

void reject(const Caller& caller, std::string_view what, std::string_view expected, std::string_view got,
            ErrorCode code) {
  const std::string who =
      caller.rank < 0 ? std::string(caller.operation) : fmt::format("{}, rank {}", caller.operation, caller.rank);
  throw Error(code, fmt::format("{}: {}: expected {}, got {}", who, what, expected, got),
              Report{.operation = std::string(caller.operation), .phase = "input", .rank = caller.rank});
}

void check_shape(const Caller& caller, std::string_view what, const ConstTensorView& tensor) {
  if (tensor.num_dims > static_cast<int>(tensor.shape.size())) {
    reject(caller, what, "at most 3 dimensions", fmt::format("{}", tensor.num_dims));
  }
  auto bytes = static_cast<std::int64_t>(size_of(tensor.dtype));
  for (int d = 0; d < tensor.num_dims; ++d) {
    const std::int64_t size = tensor.shape[static_cast<std::size_t>(d)];
    if (size < 0 || __builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) {
      reject(caller, what, "sizes that are not negative and fit memory", describe(tensor));
    }
  }
}

void check_memory(const Caller& caller, std::string_view what, const ConstTensorView& tensor) {
  if (tensor.data == nullptr && tensor.num_elements() > 0) {
    reject(caller, what, "memory", fmt::format("{} at a null pointer", describe(tensor)));
  }
}

void check_weights(const Caller& caller, std::string_view what, const ConstTensorView& tensor, std::int64_t rows,
                   std::int64_t columns) {
  const bool fits = tensor.num_dims == 2 && tensor.shape[0] == rows && tensor.shape[1] == columns;
  if (!fits || tensor.dtype != DType::kFp32 || !is_dense(tensor)) {
    reject(caller, what, fmt::format("dense fp32 [{}, {}]", rows, columns), describe(tensor));
  }
  check_memory(caller, what, tensor);
}

void check_row(const Caller& caller, std::string_view what, DType dtype, std::int64_t hidden, int max_hidden,
               std::size_t max_element_bytes) {
  const std::size_t bytes = size_of(dtype);
  if (hidden < 1 || hidden > max_hidden) {
    reject(caller, what, fmt::format("hidden of [1, {}]", max_hidden), fmt::format("{}", hidden));
  }
  if (bytes > max_element_bytes) {
    reject(caller, what, fmt::format("elements of at most {} bytes", max_element_bytes),
           fmt::format("{} ({} bytes)", name_of(dtype), bytes));
  }
  if (static_cast<std::size_t>(hidden) * bytes % 16 != 0) {
    reject(caller, what, "rows of a multiple of 16 bytes",
           fmt::format("hidden {} of {} ({} bytes)", hidden, name_of(dtype), static_cast<std::size_t>(hidden) * bytes));
  }
}

}  // namespace crossdock::core
