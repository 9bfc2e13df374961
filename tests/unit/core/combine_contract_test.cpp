#include "core/contract/combine_contract.hpp"

#include "contract_cases.hpp"

namespace crossdock::core {
namespace {

/// A valid combine of rank 1: T 3, K 2, H 64, 5 rows.
struct Combine {
  std::vector<std::byte> memory = std::vector<std::byte>(1 << 16);
  CombineInput input{.x = dense_view(memory.data(), DType::kBf16, {5, 64}),
                     .recv_topk_weights = dense_view(memory.data(), DType::kFp32, {5, 2}),
                     .bias0 = dense_view(memory.data(), DType::kFp16, {3, 64}),
                     .bias1 = dense_view(memory.data(), DType::kFp32, {3, 64})};
  CombineOptions options = {};
  CombineFacts facts{.rank = 1,
                     .layout = Layout::kFlat,
                     .num_tokens = 3,
                     .top_k = 2,
                     .num_rows = 5,
                     .num_local_experts = 2,
                     .rows_per_expert = 8,
                     .max_hidden = 64,
                     .max_element_bytes = 2};

  TensorView tensor(DType dtype, std::initializer_list<std::int64_t> shape) {
    return dense_view(memory.data(), dtype, shape);
  }
  void use_layout(Layout layout) {
    facts.layout = layout;
    input.recv_topk_weights = {};
    input.topk_weights = tensor(DType::kFp32, {3, 2});
    if (layout == Layout::kExpertPadded) input.x = tensor(DType::kBf16, {2, 8, 64});
  }
  void check() const { check_combine(input, options, facts); }
};

void accepts_combine(const std::function<void(Combine&)>& change) {
  Combine combine;
  change(combine);
  EXPECT_NO_THROW(combine.check());
}

void rejects_combine(const std::string& message, const std::function<void(Combine&)>& change) {
  Combine combine;
  change(combine);
  expect_rejected(message, [&] { combine.check(); });
}

TEST(CombineContract, AcceptsValidCalls) {
  accepts_combine([](Combine&) {});
  accepts_combine([](Combine& c) { c.input = {.x = c.input.x}; });
  accepts_combine([](Combine& c) { c.facts.num_rows = 4; });
  accepts_combine([](Combine& c) { c.use_layout(Layout::kExpertContiguous); });
  accepts_combine([](Combine& c) { c.use_layout(Layout::kExpertPadded); });
  accepts_combine([](Combine& c) { c.options = {.wire_dtype = DType::kFp16, .out_dtype = DType::kFp16}; });
  accepts_combine([](Combine& c) { c.options = {.out_dtype = DType::kFp32, .out_y = output(DType::kFp32, {3, 64})}; });
}

TEST(CombineContract, X) {
  rejects_combine("x: expected dense bf16, fp16 or fp32 [at least 6, H]", [](Combine& c) { c.facts.num_rows = 6; });
  rejects_combine("x: expected dense bf16, fp16 or fp32", [](Combine& c) { c.input.x.dtype = DType::kFp8E4m3; });
  rejects_combine("x: expected dense bf16, fp16 or fp32", [](Combine& c) { c.input.x.strides[0] = 128; });
  rejects_combine("x: expected dense bf16, fp16 or fp32 [2, 8, H]", [](Combine& c) {
    c.use_layout(Layout::kExpertPadded);
    c.input.x = c.tensor(DType::kBf16, {2, 9, 64});
  });
  rejects_combine("x: expected memory", [](Combine& c) { c.input.x.data = nullptr; });
  rejects_combine("x: expected hidden of [1, 32]", [](Combine& c) { c.facts.max_hidden = 32; });
  rejects_combine("x: expected elements of at most 2 bytes",
                  [](Combine& c) { c.input.x = c.tensor(DType::kFp32, {5, 64}); });
  rejects_combine("x: expected rows of a multiple of 16 bytes",
                  [](Combine& c) { c.input = {.x = c.tensor(DType::kBf16, {5, 60})}; });
}

TEST(CombineContract, Types) {
  rejects_combine("wire_dtype: expected bf16, fp16 or fp32, got fp8",
                  [](Combine& c) { c.options.wire_dtype = DType::kFp8E4m3; });
  rejects_combine("wire_dtype: expected elements of at most 2 bytes",
                  [](Combine& c) { c.options.wire_dtype = DType::kFp32; });
  rejects_combine("out_dtype: expected bf16, fp16 or fp32, got int32",
                  [](Combine& c) { c.options.out_dtype = DType::kInt32; });
  rejects_combine("out_dtype: expected elements of at most 2 bytes, or out_y",
                  [](Combine& c) { c.options.out_dtype = DType::kFp32; });
  rejects_combine("out_y: expected dense bf16 [3, 64]",
                  [](Combine& c) { c.options.out_y = c.tensor(DType::kFp16, {3, 64}); });
  rejects_combine("out_y: expected dense bf16 [3, 64]",
                  [](Combine& c) { c.options.out_y = c.tensor(DType::kBf16, {4, 64}); });
}

TEST(CombineContract, WeightsAndBiases) {
  rejects_combine("topk_weights: expected none: flat rows",
                  [](Combine& c) { c.input.topk_weights = c.tensor(DType::kFp32, {3, 2}); });
  rejects_combine("recv_topk_weights: expected none: they belong to the flat layout", [](Combine& c) {
    const ConstTensorView received = c.input.recv_topk_weights;
    c.use_layout(Layout::kExpertContiguous);
    c.input.recv_topk_weights = received;
  });
  rejects_combine("topk_weights: expected dense fp32 [3, 2]", [](Combine& c) {
    c.use_layout(Layout::kExpertContiguous);
    c.input.topk_weights = c.tensor(DType::kFp32, {5, 2});
  });
  rejects_combine("recv_topk_weights: expected dense fp32 [5, 2]",
                  [](Combine& c) { c.input.recv_topk_weights = c.tensor(DType::kFp32, {4, 2}); });
  rejects_combine("bias0: expected dense bf16, fp16 or fp32 [3, 64]",
                  [](Combine& c) { c.input.bias0 = c.tensor(DType::kBf16, {2, 64}); });
  rejects_combine("bias1: expected dense bf16, fp16 or fp32 [3, 64]",
                  [](Combine& c) { c.input.bias1 = c.tensor(DType::kFp8E4m3, {3, 64}); });
}

TEST(CombineContract, Choices) {
  rejects_combine("wire_dtype: expected bf16, fp16 or fp32, got value 6",
                  [](Combine& c) { c.options.wire_dtype = static_cast<DType>(6); });
  rejects_combine("out_dtype: expected bf16, fp16 or fp32, got value 255",
                  [](Combine& c) { c.options.out_dtype = static_cast<DType>(255); });
  rejects_combine("bias1: expected bf16, fp16, fp32, fp8, int32 or int64, got value 99",
                  [](Combine& c) { c.input.bias1.dtype = static_cast<DType>(99); });
  rejects_combine("execution.num_sms: expected at least 0, got -7",
                  [](Combine& c) { c.options.execution.num_sms = -7; });
}

/// Each tensor in 4096 bytes of its own; y where the case says.
void combine_into(std::ptrdiff_t y_at, DType y_dtype, const std::string& message) {
  Combine combine;
  const auto at = [&](int place) { return combine.memory.data() + 4096 * place; };
  combine.input.x.data = at(0);
  combine.input.recv_topk_weights.data = at(1);
  combine.input.bias0 = dense_view(at(2), DType::kBf16, {3, 64});
  combine.input.bias1 = dense_view(at(3), DType::kFp32, {3, 64});
  combine.options = {.out_dtype = y_dtype, .out_y = dense_view(at(0) + y_at, y_dtype, {3, 64})};
  if (message.empty()) {
    EXPECT_NO_THROW(combine.check());
  } else {
    expect_rejected(message, [&] { combine.check(); });
  }
}

TEST(CombineContract, OutYApartOrAllOfABias) {
  combine_into(0, DType::kBf16,
               "out_y: expected memory apart from that of x, got bf16 [3, 64] that overlaps bf16 [5, 64]");
  combine_into(256, DType::kBf16, "out_y: expected memory apart from that of x");
  combine_into(4096, DType::kBf16, "out_y: expected memory apart from that of recv_topk_weights");
  combine_into(640, DType::kBf16, "");
  combine_into(4096 - 384, DType::kBf16, "");
  combine_into(4096 - 382, DType::kBf16, "out_y: expected memory apart from that of recv_topk_weights");
  combine_into(8192, DType::kBf16, "");
  combine_into(8192 + 128, DType::kBf16, "out_y: expected memory apart from that of bias0");
  combine_into(8192, DType::kFp16,
               "out_y: expected memory apart from that of bias0, got fp16 [3, 64] that overlaps bf16");
  combine_into(12288, DType::kFp32, "");
  combine_into(12288 + 4, DType::kFp32, "out_y: expected memory apart from that of bias1");
}

TEST(CombineContract, OutYApartFromWeightsOfTokens) {
  rejects_combine("out_y: expected memory apart from that of topk_weights", [](Combine& c) {
    c.use_layout(Layout::kExpertContiguous);
    c.input.topk_weights.data = c.memory.data() + 4096;
    c.options.out_y = dense_view(c.memory.data() + 4096, DType::kBf16, {3, 64});
  });
}

}  // namespace
}  // namespace crossdock::core
