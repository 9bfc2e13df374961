#include "crossdock/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.hpp"

namespace crossdock {
namespace {

template <typename Pointer>
BasicTensorView<Pointer> make_dense(Pointer data, DType dtype, std::initializer_list<std::int64_t> shape) {
  BasicTensorView<Pointer> view{.data = data, .dtype = dtype, .num_dims = static_cast<int>(shape.size())};
  CROSSDOCK_ASSERT(shape.size() <= view.shape.size());
  std::copy(shape.begin(), shape.end(), view.shape.begin());
  std::int64_t stride = 1;
  for (auto d = shape.size(); d-- > 0;) {
    view.strides[d] = stride;
    stride *= view.shape[d];
  }
  return view;
}

}  // namespace

TensorView dense_view(void* data, DType dtype, std::initializer_list<std::int64_t> shape) {
  return make_dense(data, dtype, shape);
}

ConstTensorView dense_view(const void* data, DType dtype, std::initializer_list<std::int64_t> shape) {
  return make_dense(data, dtype, shape);
}

bool is_dense(const ConstTensorView& view) {
  std::int64_t stride = 1;
  for (auto d = static_cast<std::size_t>(view.num_dims); d-- > 0;) {
    if (view.shape[d] != 1 && view.strides[d] != stride) return false;
    stride *= view.shape[d];
  }
  return true;
}

std::string describe(const ConstTensorView& view) {
  if (!view.given()) return "not given";
  const auto dims = static_cast<std::size_t>(view.num_dims);
  return fmt::format("{} [{}]", name_of(view.dtype),
                     fmt::join(view.shape.begin(), view.shape.begin() + static_cast<std::ptrdiff_t>(dims), ", "));
}

}  // namespace crossdock
