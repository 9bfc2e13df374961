#include "crossdock/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/known.hpp"
#include "base/sizes.hpp"
#include "crossdock/error.hpp"

namespace crossdock {
namespace {

using base::kMaxDims;

[[noreturn]] void refuse(std::string_view function, std::string_view expected, std::string_view got) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected {}, got {}", function, expected, got),
              {.operation = std::string(function), .phase = "input"});
}

std::string text_of(DType dtype, std::span<const std::int64_t> shape) {
  return fmt::format("{} [{}]", base::shown(dtype), fmt::join(shape, ", "));
}

/// Throws where the type or the sizes cannot be.
std::int64_t checked_bytes(std::string_view function, DType dtype, std::span<const std::int64_t> shape) {
  if (!base::is_known(dtype)) refuse(function, "a value of DType", base::shown(dtype));
  const auto bytes = base::bytes_of(dtype, shape);
  if (!bytes) refuse(function, "sizes that are not negative and fit memory", text_of(dtype, shape));
  return *bytes;
}

template <typename Pointer>
std::size_t bytes_of(std::string_view function, const BasicTensorView<Pointer>& view) {
  if (view.num_dims < 0 || view.num_dims > kMaxDims) {
    refuse(function, fmt::format("0 to {} dimensions", kMaxDims), fmt::format("{}", view.num_dims));
  }
  if (!view.given()) return 0;
  const auto dims = static_cast<std::size_t>(view.num_dims);
  return static_cast<std::size_t>(checked_bytes(function, view.dtype, std::span(view.shape).first(dims)));
}

template <typename Pointer>
BasicTensorView<Pointer> make_dense(Pointer data, DType dtype, std::initializer_list<std::int64_t> shape) {
  if (shape.size() == 0 || shape.size() > kMaxDims) {
    refuse("dense_view", fmt::format("1 to {} sizes", kMaxDims), fmt::format("{}", shape.size()));
  }
  checked_bytes("dense_view", dtype, shape);
  BasicTensorView<Pointer> view{.data = data, .dtype = dtype, .num_dims = static_cast<int>(shape.size())};
  std::copy(shape.begin(), shape.end(), view.shape.begin());
  std::int64_t stride = 1;
  for (auto d = shape.size(); d-- > 0;) {
    view.strides[d] = stride;
    stride *= view.shape[d];
  }
  return view;
}

}  // namespace

template <typename Pointer>
std::int64_t BasicTensorView<Pointer>::num_elements() const {
  const std::size_t bytes = bytes_of("num_elements", *this);
  return given() ? static_cast<std::int64_t>(bytes / size_of(dtype)) : 0;
}

template <typename Pointer>
std::size_t BasicTensorView<Pointer>::num_bytes() const {
  return bytes_of("num_bytes", *this);
}

template struct BasicTensorView<void*>;
template struct BasicTensorView<const void*>;

TensorView dense_view(void* data, DType dtype, std::initializer_list<std::int64_t> shape) {
  return make_dense(data, dtype, shape);
}

ConstTensorView dense_view(const void* data, DType dtype, std::initializer_list<std::int64_t> shape) {
  return make_dense(data, dtype, shape);
}

bool is_dense(const ConstTensorView& view) {
  if (view.num_dims < 0 || view.num_dims > kMaxDims) return false;
  std::int64_t stride = 1;
  for (auto d = static_cast<std::size_t>(view.num_dims); d-- > 0;) {
    if (view.shape[d] != 1 && view.strides[d] != stride) return false;
    if (view.shape[d] < 0 || __builtin_mul_overflow(stride, view.shape[d], &stride)) return false;
  }
  return true;
}

std::string describe(const ConstTensorView& view) {
  if (view.num_dims == 0) return "not given";
  if (view.num_dims < 0 || view.num_dims > kMaxDims) {
    return fmt::format("{} of {} dimensions", base::shown(view.dtype), view.num_dims);
  }
  return text_of(view.dtype, std::span(view.shape).first(static_cast<std::size_t>(view.num_dims)));
}

}  // namespace crossdock
