// A case small enough to work out by hand, and ways to read results as plain numbers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <span>
#include <vector>

#include "core/numeric/convert.hpp"
#include "crossdock/reference.hpp"

namespace crossdock::reference {

/// What kPoison bytes read as.
inline constexpr std::int32_t kPoisonInt = std::bit_cast<std::int32_t>(0xA5A5'A5A5U);
inline constexpr float kPoisonFp32 = std::bit_cast<float>(0xA5A5'A5A5U);
inline constexpr float kPoisonBf16 = std::bit_cast<float>(0xA5A5'0000U);

/// Owns the tensors of a test.
class Store {
 public:
  TensorView floats(DType dtype, std::initializer_list<std::int64_t> shape, const std::vector<float>& values) {
    std::vector<std::byte>& bytes = memory_.emplace_back(values.size() * size_of(dtype) + 1);
    core::store_row(bytes.data(), dtype, values.size(), values.data());
    return dense_view(bytes.data(), dtype, shape);
  }

  /// [values.size(), hidden], each row filled with its value.
  TensorView rows(DType dtype, std::int64_t hidden, const std::vector<float>& values) {
    std::vector<float> all;
    for (const float value : values) all.insert(all.end(), static_cast<std::size_t>(hidden), value);
    return floats(dtype, {static_cast<std::int64_t>(values.size()), hidden}, all);
  }

  template <typename Int>
  TensorView integers(std::initializer_list<std::int64_t> shape, const std::vector<Int>& values) {
    std::vector<std::byte>& bytes = memory_.emplace_back(values.size() * sizeof(Int) + 1);
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size() * sizeof(Int));
    return dense_view(bytes.data(), sizeof(Int) == 8 ? DType::kInt64 : DType::kInt32, shape);
  }

 private:
  std::deque<std::vector<std::byte>> memory_;
};

/// Elements in stored order, widened.
inline std::vector<float> floats_of(const Tensor& tensor) {
  std::vector<float> values(tensor.bytes.size() / size_of(tensor.dtype));
  core::load_row(tensor.bytes.data(), tensor.dtype, values.size(), values.data());
  return values;
}

/// The value that fills each row of a row-major tensor; NaN where a row's elements differ.
inline std::vector<float> row_values(const Tensor& tensor) {
  const std::vector<float> all = floats_of(tensor);
  const auto hidden = static_cast<std::size_t>(tensor.shape.back());
  std::vector<float> values;
  for (std::size_t at = 0; at < all.size(); at += hidden) {
    const std::span<const float> row = std::span(all).subspan(at, hidden);
    float value = row[0];
    for (const float element : row) {
      if (element != row[0]) value = std::bit_cast<float>(0x7FC0'0000U);
    }
    values.push_back(value);
  }
  return values;
}

/// Elements of int32 or int64 in stored order.
inline std::vector<std::int64_t> integers_of(const Tensor& tensor) {
  std::vector<std::int64_t> values(tensor.bytes.size() / size_of(tensor.dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t narrow = 0;
    if (tensor.dtype == DType::kInt64) {
      std::memcpy(&values[i], tensor.bytes.data() + 8 * i, 8);
    } else {
      std::memcpy(&narrow, tensor.bytes.data() + 4 * i, 4);
      values[i] = narrow;
    }
  }
  return values;
}

/// Two ranks of one node, experts 0 1 | 2 3, K 3. Token t of rank r is a row of 10 (r + 1) + t.
struct SmallCase {
  Store store;
  Problem problem{.num_ranks = 2, .num_experts = 4, .latency_max_tokens = 3};
  std::vector<DispatchInput> inputs;
  std::vector<DispatchOptions> options;

  explicit SmallCase(const DispatchOptions& both) : options(2, both) {
    inputs.push_back({.x = store.rows(DType::kBf16, 8, {10, 11, 12}),
                      .topk_idx = store.integers<std::int32_t>({3, 3}, {0, 2, 0, -1, -1, -1, 3, 1, 2}),
                      .topk_weights = store.floats(DType::kFp32, {3, 3}, {0.5F, 0.25F, 0.125F, 1, 1, 1, 2, 4, 8})});
    inputs.push_back({.x = store.rows(DType::kBf16, 8, {20, 21}),
                      .topk_idx = store.integers<std::int32_t>({2, 3}, {1, 0, 3, 2, 2, -1}),
                      .topk_weights = store.floats(DType::kFp32, {2, 3}, {0.5F, 1, 2, 3, 5, 7})});
  }

  std::vector<Dispatched> dispatch() const { return reference::dispatch(problem, inputs, options); }
  std::vector<Combined> combine(std::span<const CombineInput> combines, const CombineOptions& how = {}) const {
    return reference::combine(problem, inputs, options, combines, how);
  }
};

}  // namespace crossdock::reference
