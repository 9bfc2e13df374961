// Views of memory that somebody else owns.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>

#include "crossdock/types.hpp"

namespace crossdock {

/// A strided view of up to three dimensions. Strides count elements, not bytes.
/// A view with no dimensions is "not given".
template <typename Pointer>
struct BasicTensorView {
  Pointer data = nullptr;
  DType dtype = DType::kFp32;
  int num_dims = 0;
  std::array<std::int64_t, 3> shape{};
  std::array<std::int64_t, 3> strides{};

  bool given() const { return num_dims > 0; }

  /// 0 where the view is not given. Both throw InvalidArgument where dimensions, sizes or type cannot be.
  std::int64_t num_elements() const;

  /// Bytes of the elements themselves: strides do not count.
  std::size_t num_bytes() const;

  /// A mutable view is also a constant one.
  operator BasicTensorView<const void*>() const  // NOLINT(google-explicit-constructor)
    requires(!std::is_same_v<Pointer, const void*>)
  {
    return {data, dtype, num_dims, shape, strides};
  }
};

using TensorView = BasicTensorView<void*>;
using ConstTensorView = BasicTensorView<const void*>;

/// A view of dense row-major memory. Throws InvalidArgument where `shape` is not 1 to 3 sizes, all at least 0, whose
/// bytes fit memory.
TensorView dense_view(void* data, DType dtype, std::initializer_list<std::int64_t> shape);
ConstTensorView dense_view(const void* data, DType dtype, std::initializer_list<std::int64_t> shape);

/// True where the last dimension is contiguous and each outer stride is the product of the inner shape. False where
/// dimensions or sizes cannot be.
bool is_dense(const ConstTensorView& view);

/// "bf16 [128, 7168]", for messages; it shows what cannot be as it is.
std::string describe(const ConstTensorView& view);

}  // namespace crossdock
