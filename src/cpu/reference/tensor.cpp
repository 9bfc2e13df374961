#include "cpu/reference/tensor.hpp"

#include <algorithm>

#include "base/math.hpp"

namespace crossdock::reference {
namespace {

template <typename View, typename Data>
View view_of(const Tensor& tensor, Data* data) {
  View view{.data = data, .dtype = tensor.dtype, .num_dims = static_cast<int>(tensor.shape.size())};
  std::ranges::copy(tensor.shape, view.shape.begin());
  std::ranges::copy(tensor.strides, view.strides.begin());
  return view;
}

void allocate(Tensor& tensor, std::int64_t num_elements) {
  tensor.bytes.assign(static_cast<std::size_t>(num_elements) * size_of(tensor.dtype), kPoison);
}

}  // namespace

TensorView Tensor::view() { return view_of<TensorView>(*this, bytes.data()); }
ConstTensorView Tensor::view() const { return view_of<ConstTensorView>(*this, bytes.data()); }

Tensor poisoned(DType dtype, std::vector<std::int64_t> shape) {
  Tensor tensor{.dtype = dtype, .shape = std::move(shape), .strides = {}, .bytes = {}};
  std::int64_t num_elements = 1;
  tensor.strides.resize(tensor.shape.size());
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    tensor.strides[d] = num_elements;
    num_elements *= tensor.shape[d];
  }
  allocate(tensor, num_elements);
  return tensor;
}

Tensor poisoned_scales(DType dtype, std::vector<std::int64_t> shape, ScaleOrder order) {
  if (order == ScaleOrder::kRowMajor) return poisoned(dtype, std::move(shape));
  const std::size_t dims = shape.size();
  const std::int64_t num_scales = shape[dims - 1];
  const std::int64_t column = base::round_up<std::int64_t>(shape[dims - 2], 4);
  const std::int64_t num_experts = dims == 3 ? shape[0] : 1;
  Tensor tensor{.dtype = dtype, .shape = std::move(shape), .strides = {1, column}, .bytes = {}};
  if (dims == 3) tensor.strides.insert(tensor.strides.begin(), num_scales * column);
  allocate(tensor, num_experts * num_scales * column);
  return tensor;
}

}  // namespace crossdock::reference
