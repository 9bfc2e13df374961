#include "place.hpp"

#include <algorithm>
#include <cstring>

#include "crossdock/reference.hpp"

namespace crossdock::tools {
namespace {

/// Never 0: the address of an empty tensor is not null.
constexpr std::size_t kLeastBytes = 16;

std::size_t span_bytes(const ConstTensorView& view) { return span_elements(view) * size_of(view.dtype); }

}  // namespace

std::size_t span_elements(const ConstTensorView& view) {
  if (view.num_elements() == 0) return 0;
  std::int64_t last = 0;
  for (std::size_t d = 0; d < static_cast<std::size_t>(view.num_dims); ++d) {
    last += (view.shape[d] - 1) * view.strides[d];
  }
  return static_cast<std::size_t>(last) + 1;
}

ConstTensorView Place::put(const ConstTensorView& host) {
  if (!on_gpu() || !host.given()) return host;
  const std::size_t bytes = span_bytes(host);
  void* memory = device_->take(std::max(bytes, kLeastBytes));
  device_->upload(memory, host.data, bytes);
  ConstTensorView view = host;
  view.data = memory;
  return view;
}

DispatchInput Place::put(DispatchInput host) {
  for (ConstTensorView* view : {&host.x, &host.scales, &host.topk_idx, &host.topk_weights}) *view = put(*view);
  return host;
}

CombineInput Place::put(CombineInput host) {
  for (ConstTensorView* view : {&host.x, &host.topk_weights, &host.recv_topk_weights, &host.bias0, &host.bias1}) {
    *view = put(*view);
  }
  return host;
}

TensorView Place::make(DType dtype, const std::vector<std::int64_t>& shape) {
  TensorView view{.dtype = dtype, .num_dims = static_cast<int>(shape.size())};
  std::int64_t stride = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    view.shape[d] = shape[d];
    view.strides[d] = stride;
    stride *= shape[d];
  }
  const std::size_t bytes = std::max(static_cast<std::size_t>(stride) * size_of(dtype), kLeastBytes);
  view.data = on_gpu() ? device_->take(bytes) : host_.emplace_back(bytes).data();
  poison(view.data, bytes);
  return view;
}

void Place::poison(void* memory, std::size_t bytes) {
  if (on_gpu()) {
    device_->fill(memory, reference::kPoison, bytes);
  } else if (bytes > 0) {
    std::memset(memory, std::to_integer<int>(reference::kPoison), bytes);
  }
}

void Place::copy(const TensorView& to, const ConstTensorView& from) {
  if (on_gpu()) {
    device_->copy(to.data, from.data, from.num_bytes());
  } else if (from.num_elements() > 0) {
    std::memcpy(to.data, from.data, from.num_bytes());
  }
}

std::vector<std::byte> Place::read_bytes(const void* memory, std::size_t bytes) {
  const auto* first = static_cast<const std::byte*>(memory);
  if (!on_gpu()) return {first, first + bytes};
  std::vector<std::byte> copy(bytes);
  device_->download(copy.data(), memory, bytes);
  return copy;
}

TensorView Place::read(const TensorView& view) {
  if (!on_gpu() || !view.given()) return view;
  TensorView host = view;
  host.data = host_.emplace_back(read_bytes(view.data, span_bytes(view))).data();
  return host;
}

DispatchResult Place::read(DispatchResult result) {
  if (!on_gpu()) return result;
  for (TensorView* view : {&result.device_num_rows, &result.x, &result.scales, &result.topk_weights,
                           &result.tokens_per_expert, &result.topk_idx, &result.expert_offsets, &result.row_expert,
                           &result.source, &result.source_count, &result.source_begin, &result.source_token}) {
    *view = read(*view);
  }
  if (result.num_rows < 0) std::memcpy(&result.num_rows, result.device_num_rows.data, sizeof(result.num_rows));
  return result;
}

CombineResult Place::read(CombineResult result) {
  result.y = read(result.y);
  result.topk_weights = read(result.topk_weights);
  return result;
}

void Place::clear() {
  host_.clear();
  if (on_gpu()) device_->give_back_all();
}

}  // namespace crossdock::tools
