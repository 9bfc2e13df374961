// Tensors of the functions of crossdock/gpu.hpp, which know no ranks.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/contract/reject.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::engine::cuda {

/// A tensor of a call, by name.
struct Given {
  const char* operation = "";
  const char* what = "";
  ConstTensorView view = {};

  core::Caller caller() const { return {.operation = operation}; }
};

/// Each throws InvalidArgument (what, expected, got).
void check_memory(const Given& given);
void check_aligned(const Given& given, std::size_t bytes);
/// Dense, of that type and shape, in memory that the GPU reaches.
void check_tensor(const Given& given, DType dtype, std::initializer_list<std::int64_t> shape);

}  // namespace crossdock::engine::cuda
