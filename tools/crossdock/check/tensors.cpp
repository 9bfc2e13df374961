#include "check/tensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace crossdock::tools::check {
namespace {

constexpr std::size_t kLeastBytes = 16;

/// Sign, exponent and mantissa bits of a type, and bit patterns worth meeting.
struct FloatFormat {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  std::array<std::uint32_t, 10> special{};
};

FloatFormat format_of(DType dtype) {
  switch (dtype) {
    case DType::kBf16:
      return {8, 7, {0x7FC0, 0xFFC1, 0x7F80, 0xFF80, 0x8000, 0x0000, 0x0001, 0x807F, 0x7F7F, 0xFF7F}};
    case DType::kFp16:
      return {5, 10, {0x7E00, 0xFE01, 0x7C00, 0xFC00, 0x8000, 0x0000, 0x0001, 0x83FF, 0x7BFF, 0xFBFF}};
    case DType::kFp8E4m3:
      return {4, 3, {0x7F, 0xFF, 0x7E, 0xFE, 0x80, 0x00, 0x01, 0x87, 0x08, 0x77}};
    default:
      return {8,
              23,
              {0x7FC00000, 0xFFC00001, 0x7F800000, 0xFF800000, 0x80000000, 0x00000000, 0x00000001, 0x807FFFFF,
               0x7F7FFFFF, 0xFF7FFFFF}};
  }
}

void put(reference::Tensor& tensor, std::size_t index, std::uint64_t bits) {
  const std::size_t bytes = size_of(tensor.dtype);
  std::memcpy(tensor.bytes.data() + index * bytes, &bits, bytes);  // little endian
}

/// A finite value of moderate size: the exponent is one of 8 around that of 1.
std::uint64_t moderate(const FloatFormat& format, std::uint64_t random) {
  const std::uint64_t bias = (1U << (format.exponent_bits - 1)) - 1;
  const std::uint64_t mantissa = (random >> 8) & ((1U << format.mantissa_bits) - 1);
  const std::uint64_t exponent = bias - 5 + (random & 7);
  return ((random >> 7) & 1) << (format.exponent_bits + format.mantissa_bits) | exponent << format.mantissa_bits |
         mantissa;
}

/// Elements of the memory, gaps of the strides included.
std::size_t stored_elements(const reference::Tensor& tensor) { return tensor.bytes.size() / size_of(tensor.dtype); }

void fill_special(Dice& dice, const FloatFormat& format, reference::Tensor& tensor) {
  const std::size_t elements = stored_elements(tensor);
  const std::size_t every = dice.chance(50) ? 5 : 97;  // often, so that rows hold several, or rarely
  for (std::size_t i = 0; i < elements; ++i) {
    const std::uint64_t random = dice.next();
    if (random % every != 0) continue;
    put(tensor, i, format.special[(random >> 32) % format.special.size()]);
  }
}

std::int64_t random_expert(Dice& dice, const OperationPlan& plan, int num_experts, std::int64_t hot) {
  switch (plan.routing) {
    case Routing::kHot:
      return dice.chance(90) ? hot : dice.range(0, num_experts - 1);
    case Routing::kHoles:
      return dice.chance(40) ? -1 : dice.range(0, num_experts - 1);
    case Routing::kNone:
      return -1;
    default:
      return dice.range(0, num_experts - 1);
  }
}

/// Experts of one token, in random order; each once as long as there are enough.
std::vector<std::int64_t> distinct_experts(Dice& dice, int top_k, int num_experts) {
  std::vector<std::int64_t> experts(static_cast<std::size_t>(num_experts));
  for (std::size_t i = 0; i < experts.size(); ++i) experts[i] = static_cast<std::int64_t>(i);
  std::vector<std::int64_t> row;
  for (std::size_t k = 0; k < static_cast<std::size_t>(top_k); ++k) {
    const auto last = static_cast<std::int64_t>(experts.size()) - 1;
    const std::size_t from = std::min(k, experts.size() - 1);
    std::swap(experts[from], experts[static_cast<std::size_t>(dice.range(static_cast<std::int64_t>(from), last))]);
    row.push_back(k < experts.size() ? experts[from] : -1);
  }
  return row;
}

std::vector<std::int64_t> experts_of_token(Dice& dice, const OperationPlan& plan, int num_experts, std::int64_t hot) {
  if (plan.routing == Routing::kDistinct) return distinct_experts(dice, plan.top_k, num_experts);
  std::vector<std::int64_t> row;
  for (int k = 0; k < plan.top_k; ++k) row.push_back(random_expert(dice, plan, num_experts, hot));
  return row;
}

}  // namespace

reference::Tensor make_dense(DType dtype, std::vector<std::int64_t> shape) {
  reference::Tensor tensor{.dtype = dtype, .shape = std::move(shape), .strides = {}, .bytes = {}};
  tensor.strides.resize(tensor.shape.size());
  std::int64_t stride = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    tensor.strides[d] = stride;
    stride *= tensor.shape[d];
  }
  tensor.bytes.resize(std::max(static_cast<std::size_t>(stride) * size_of(dtype), kLeastBytes));
  return tensor;
}

void fill_floats(Dice& dice, bool special_values, reference::Tensor& tensor) {
  const FloatFormat format = format_of(tensor.dtype);
  const std::size_t elements = stored_elements(tensor);
  for (std::size_t i = 0; i < elements; ++i) put(tensor, i, moderate(format, dice.next()));
  if (special_values) fill_special(dice, format, tensor);
}

reference::Tensor make_x(Dice& dice, const RowsPlan& plan, std::int64_t tokens, std::int64_t hidden) {
  const std::int64_t stride = hidden + (plan.row_gaps ? 16 : 0);
  reference::Tensor x = make_dense(plan.dtype, {tokens, stride});
  x.shape[1] = hidden;
  fill_floats(dice, plan.special_values, x);
  return x;
}

reference::Tensor make_scales(Dice& dice, const RowsPlan& plan, std::int64_t tokens) {
  if (plan.dtype != DType::kFp8E4m3) return {};
  const std::int64_t words = plan.scale_words;
  reference::Tensor scales = make_dense(plan.scale_dtype, {tokens + 1, 2 * words + 3});
  scales.shape = {tokens, words};
  switch (plan.scale_strides) {
    case ScaleStrides::kDense:
      scales.strides = {words, 1};
      break;
    case ScaleStrides::kTransposed:
      scales.strides = {1, tokens + 1};
      break;
    case ScaleStrides::kGapped:
      scales.strides = {2 * words + 3, 2};
      break;
    case ScaleStrides::kBroadcast:
      scales.strides = {0, 1};
      break;
  }
  const std::size_t elements = stored_elements(scales);
  for (std::size_t i = 0; i < elements; ++i) put(scales, i, dice.next());
  return scales;
}

reference::Tensor make_topk_idx(Dice& dice, const OperationPlan& plan, std::int64_t tokens, int num_experts) {
  reference::Tensor topk_idx = make_dense(plan.idx_dtype, {tokens, plan.top_k});
  const std::int64_t hot = dice.range(0, num_experts - 1);
  std::size_t index = 0;
  for (std::int64_t token = 0; token < tokens; ++token) {
    for (const std::int64_t expert : experts_of_token(dice, plan, num_experts, hot)) {
      put(topk_idx, index++, static_cast<std::uint64_t>(expert));
    }
  }
  return topk_idx;
}

reference::Tensor make_weights(Dice& dice, std::int64_t rows, std::int64_t top_k) {
  reference::Tensor weights = make_dense(DType::kFp32, {rows, top_k});
  fill_floats(dice, false, weights);
  const std::size_t elements = stored_elements(weights);
  for (std::size_t i = 0; i < elements; ++i) {
    if (dice.chance(5)) put(weights, i, 0);
  }
  return weights;
}

}  // namespace crossdock::tools::check
