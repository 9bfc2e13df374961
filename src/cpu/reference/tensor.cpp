#include "cpu/reference/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <stdexcept>

#include "base/math.hpp"
#include "base/sizes.hpp"
#include "core/contract/overlap.hpp"

namespace crossdock::reference {
namespace {

constexpr core::Caller kCaller{.operation = "reference::Tensor"};

template <typename View, typename Data>
View view_of(const Tensor& tensor, Data* data) {
  View view{.data = data, .dtype = tensor.dtype, .num_dims = static_cast<int>(tensor.shape.size())};
  if (tensor.shape.size() > view.shape.size() || tensor.strides.size() != tensor.shape.size()) {
    core::reject(kCaller, "shape", "at most 3 sizes and as many strides",
                 fmt::format("{} and {}", tensor.shape.size(), tensor.strides.size()));
  }
  std::ranges::copy(tensor.shape, view.shape.begin());
  std::ranges::copy(tensor.strides, view.strides.begin());
  core::check_shape(kCaller, "shape", view);
  const std::span<const std::byte> extent = core::extent_of(view);
  if (!extent.empty() && (extent.data() != tensor.bytes.data() || extent.size() > tensor.bytes.size())) {
    core::reject(kCaller, "bytes", fmt::format("those of {}", describe(view)), fmt::format("{}", tensor.bytes.size()));
  }
  return view;
}

/// `shape` is what the elements take, gaps of strides included.
void allocate(Tensor& tensor, std::span<const std::int64_t> shape) {
  const auto refuse = [&](ErrorCode code) {
    core::reject({.operation = "reference"}, "outputs", "a tensor that fits memory",
                 fmt::format("{} [{}]", name_of(tensor.dtype), fmt::join(shape, ", ")), code);
  };
  const auto bytes = base::bytes_of(tensor.dtype, shape);
  if (!bytes) refuse(ErrorCode::kInvalidArgument);
  try {
    tensor.bytes.assign(static_cast<std::size_t>(*bytes), kPoison);
  } catch (const std::bad_alloc&) {
    refuse(ErrorCode::kSystem);
  } catch (const std::length_error&) {
    refuse(ErrorCode::kInvalidArgument);
  }
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
  allocate(tensor, tensor.shape);
  std::int64_t stride = 1;
  tensor.strides.resize(tensor.shape.size());
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    tensor.strides[d] = stride;
    stride *= tensor.shape[d];
  }
  return tensor;
}

Tensor poisoned_scales(DType dtype, std::vector<std::int64_t> shape, ScaleOrder order) {
  if (order == ScaleOrder::kRowMajor) return poisoned(dtype, std::move(shape));
  const std::size_t dims = shape.size();
  const std::int64_t num_scales = shape[dims - 1];
  const std::int64_t column = base::round_up<std::int64_t>(shape[dims - 2], 4);
  const std::array taken{dims == 3 ? shape[0] : 1, num_scales, column};
  Tensor tensor{.dtype = dtype, .shape = std::move(shape), .strides = {1, column}, .bytes = {}};
  if (dims == 3) tensor.strides.insert(tensor.strides.begin(), num_scales * column);
  allocate(tensor, taken);
  return tensor;
}

}  // namespace crossdock::reference
