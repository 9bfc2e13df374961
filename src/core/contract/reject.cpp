#include "core/contract/reject.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/sizes.hpp"

namespace crossdock::core {
namespace {

/// Whether no element is further from the first than memory is wide.
bool strides_fit(const ConstTensorView& tensor) {
  constexpr std::int64_t kMostElements = std::int64_t{1} << 57;
  if (tensor.num_elements() == 0) return true;
  std::int64_t distance = 0;
  for (std::size_t d = 0; d < static_cast<std::size_t>(tensor.num_dims); ++d) {
    std::int64_t way = 0;
    if (__builtin_mul_overflow(tensor.shape[d] - 1, tensor.strides[d], &way)) return false;
    if (way > kMostElements || way < -kMostElements) return false;
    distance += way < 0 ? -way : way;
  }
  return distance <= kMostElements;
}

}  // namespace

void reject(const Caller& caller, std::string_view what, std::string_view expected, std::string_view got,
            ErrorCode code) {
  const std::string who =
      caller.rank < 0 ? std::string(caller.operation) : fmt::format("{}, rank {}", caller.operation, caller.rank);
  throw Error(code, fmt::format("{}: {}: expected {}, got {}", who, what, expected, got),
              Report{.operation = std::string(caller.operation), .phase = "input", .rank = caller.rank});
}

void check_shape(const Caller& caller, std::string_view what, const ConstTensorView& tensor) {
  if (tensor.num_dims < 0 || tensor.num_dims > base::kMaxDims) {
    reject(caller, what, fmt::format("0 to {} dimensions", base::kMaxDims), fmt::format("{}", tensor.num_dims));
  }
  if (!tensor.given()) return;
  check_known(caller, what, tensor.dtype, "bf16, fp16, fp32, fp8, int32 or int64");
  const auto shape = std::span(tensor.shape).first(static_cast<std::size_t>(tensor.num_dims));
  if (!base::bytes_of(tensor.dtype, shape)) {
    reject(caller, what, "sizes that are not negative and fit memory", describe(tensor));
  }
  if (!strides_fit(tensor)) {
    reject(caller, what, "strides that fit memory",
           fmt::format("{} with strides [{}]", describe(tensor),
                       fmt::join(std::span(tensor.strides).first(shape.size()), ", ")));
  }
}

void check_memory(const Caller& caller, std::string_view what, const ConstTensorView& tensor) {
  if (tensor.num_elements() == 0) return;
  if (tensor.data == nullptr) {
    reject(caller, what, "memory", fmt::format("{} at a null pointer", describe(tensor)));
  }
  const std::size_t element = size_of(tensor.dtype);
  const std::uintptr_t beyond = reinterpret_cast<std::uintptr_t>(tensor.data) % element;
  if (beyond != 0) {
    reject(caller, what, fmt::format("memory at a multiple of {} bytes", element),
           fmt::format("{} at {} beyond one", describe(tensor), beyond));
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
