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

DispatchResult as_result(Dispatched& dispatched) {
  DispatchResult result;
  result.num_rows = dispatched.num_rows;
  result.x = dispatched.x.view();
  result.scales = dispatched.scales.view();
  result.topk_weights = dispatched.topk_weights.view();
  result.tokens_per_expert = dispatched.tokens_per_expert.view();
  result.topk_idx = dispatched.topk_idx.view();
  result.expert_offsets = dispatched.expert_offsets.view();
  result.row_expert = dispatched.row_expert.view();
  result.source = dispatched.source.view();
  result.source_count = dispatched.source_count.view();
  result.source_begin = dispatched.source_begin.view();
  result.source_token = dispatched.source_token.view();
  result.traffic = dispatched.traffic;
  return result;
}

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
