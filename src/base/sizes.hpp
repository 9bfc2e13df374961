// What dimensions and sizes of a tensor can be.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "crossdock/types.hpp"

namespace crossdock::base {

inline constexpr int kMaxDims = 3;

/// Bytes of elements of a known type with these sizes; none where a size is negative or memory cannot hold as many.
inline std::optional<std::int64_t> bytes_of(DType dtype, std::span<const std::int64_t> shape) {
  auto bytes = static_cast<std::int64_t>(size_of(dtype));
  bool is_empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bytes, size == 0 ? 1 : size, &bytes)) return std::nullopt;
    is_empty = is_empty || size == 0;
  }
  return is_empty ? 0 : bytes;
}

}  // namespace crossdock::base
