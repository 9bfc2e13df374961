#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/contract/combine_contract.hpp"
#include "core/contract/dispatch_contract.hpp"
#include "crossdock/error.hpp"

namespace crossdock::core {
namespace {

using ::testing::HasSubstr;

void expect_rejected(const std::string& message, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "accepted, instead of " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr(message));
    EXPECT_EQ(error.report().rank, 1);
    EXPECT_THAT(error.what(), HasSubstr("rank 1: "));
  }
}

/// A valid dispatch of rank 1 of 2 (5 experts: 3 and 2), T 3, H 256, K 2. Cases change one thing.
struct Dispatch {
  std::vector<std::byte> memory = std::vector<std::byte>(1 << 16);
  std::vector<std::int32_t> experts{0, 4, -1, -1, 2, 2};
  DispatchInput input{.x = dense_view(memory.data(), DType::kBf16, {3, 256}),
                      .topk_idx = dense_view(experts.data(), DType::kInt32, {3, 2}),
                      .topk_weights = dense_view(memory.data(), DType::kFp32, {3, 2})};
  DispatchOptions options = {};
  DispatchLimits limits{.rank = 1,
                        .num_ranks = 2,
                        .num_nodes = 1,
                        .num_experts = 5,
                        .max_top_k = 8,
                        .max_hidden = 1024,
                        .max_tokens = 4,
                        .max_expert_alignment = 16,
                        .max_element_bytes = 2};

  void check() const { check_dispatch(input, options, limits); }
  void use_fp8() {
    input.x = dense_view(memory.data(), DType::kFp8E4m3, {3, 256});
    input.scales = dense_view(memory.data(), DType::kFp32, {3, 2});
  }
};

void accepts(const std::function<void(Dispatch&)>& change) {
  Dispatch dispatch;
  change(dispatch);
  EXPECT_NO_THROW(dispatch.check());
}

void rejects(const std::string& message, const std::function<void(Dispatch&)>& change) {
  Dispatch dispatch;
  change(dispatch);
  expect_rejected(message, [&] { dispatch.check(); });
}

TEST(DispatchContract, AcceptsValidCalls) {
  accepts([](Dispatch&) {});
  accepts([](Dispatch& d) { d.input.topk_weights = {}; });
  accepts([](Dispatch& d) { d.use_fp8(); });
  accepts([](Dispatch& d) { d.options.quantize = Quantize::kFp8Ue8m0; });
  accepts([](Dispatch& d) { d.input.x.strides[0] = 1024; });
  accepts([](Dispatch& d) { d.options.max_recv_rows = 0; });
  accepts([](Dispatch& d) { d.options = {.layout = Layout::kExpertContiguous, .expert_alignment = 16}; });
  accepts([](Dispatch& d) { d.options = {.layout = Layout::kExpertPadded, .tree = ReductionTree::kPerSelection}; });
  accepts([](Dispatch& d) { d.options.tree = ReductionTree::kHierarchical; });
  accepts([](Dispatch& d) {
    d.input = {.x = dense_view(static_cast<const void*>(nullptr), DType::kBf16, {0, 256}),
               .topk_idx = dense_view(static_cast<const void*>(nullptr), DType::kInt64, {0, 8})};
  });
}

TEST(DispatchContract, Shapes) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  rejects("x: expected at most 3 dimensions, got 4", [](Dispatch& d) { d.input.x.num_dims = 4; });
  rejects("x: expected sizes that are not negative", [](Dispatch& d) { d.input.x.shape[0] = -1; });
  rejects("fit memory, got bf16 [1099511627776, 1099511627776]",
          [](Dispatch& d) { d.input.x.shape = {kHuge, kHuge, 0}; });
  rejects("scales: expected sizes", [](Dispatch& d) { d.input.scales = {.num_dims = 3, .shape = {kHuge, kHuge, 0}}; });
}

TEST(DispatchContract, X) {
  rejects("x: expected bf16, fp16, fp32 or fp8 [T, H]", [](Dispatch& d) { d.input.x = {}; });
  rejects("x: expected bf16, fp16, fp32 or fp8 [T, H]", [](Dispatch& d) { d.input.x.dtype = DType::kInt32; });
  rejects("x: expected bf16, fp16, fp32 or fp8 [T, H]", [](Dispatch& d) { d.input.x.strides[1] = 2; });
  rejects("x: expected memory", [](Dispatch& d) { d.input.x.data = nullptr; });
  rejects("x: expected hidden of [1, 1024], got 0", [](Dispatch& d) { d.input.x.shape[1] = 0; });
  rejects("x: expected hidden of [1, 1024], got 1032", [](Dispatch& d) { d.input.x.shape[1] = 1032; });
  rejects("multiple of 16 bytes, got hidden 252 of bf16 (504 bytes)", [](Dispatch& d) { d.input.x.shape[1] = 252; });
  rejects("x: expected elements of at most 2 bytes, got fp32",
          [](Dispatch& d) { d.input.x = dense_view(d.memory.data(), DType::kFp32, {3, 256}); });
  rejects("x: expected at most 2 tokens in throughput mode, got 3", [](Dispatch& d) { d.limits.max_tokens = 2; });
  rejects("no latency mode", [](Dispatch& d) {
    d.options.layout = Layout::kExpertPadded;
    d.limits.max_tokens = 0;
  });
}

TEST(DispatchContract, Scales) {
  rejects("scales: expected none", [](Dispatch& d) { d.input.scales = d.input.topk_weights; });
  rejects("scales: expected fp32 or int32 [3, S]", [](Dispatch& d) {
    d.use_fp8();
    d.input.scales = {};
  });
  rejects("scales: expected fp32 or int32 [3, S]", [](Dispatch& d) {
    d.use_fp8();
    d.input.scales.shape[0] = 2;
  });
  rejects("scales: expected fp32 or int32 [3, S]", [](Dispatch& d) {
    d.use_fp8();
    d.input.scales.dtype = DType::kBf16;
  });
  rejects("scales: expected fp32 or int32 [3, S]", [](Dispatch& d) {
    d.use_fp8();
    d.input.scales.shape[1] = 0;
  });
}

TEST(DispatchContract, TopkIdx) {
  rejects("topk_idx: expected dense int32 or int64 [3, K]", [](Dispatch& d) { d.input.topk_idx = {}; });
  rejects("topk_idx: expected dense int32 or int64 [3, K]", [](Dispatch& d) { d.input.topk_idx.shape[0] = 2; });
  rejects("topk_idx: expected dense int32 or int64 [3, K]", [](Dispatch& d) { d.input.topk_idx.dtype = DType::kFp32; });
  rejects("K of [1, 8]", [](Dispatch& d) {
    d.input.topk_idx = dense_view(static_cast<const void*>(d.memory.data()), DType::kInt32, {3, 9});
  });
  rejects("topk_idx[2, 1]: expected -1 or an expert of [0, 5), got 5", [](Dispatch& d) { d.experts[5] = 5; });
  rejects("topk_idx[1, 0]: expected -1 or an expert of [0, 5), got -2", [](Dispatch& d) { d.experts[2] = -2; });
  rejects("topk_weights: expected dense fp32 [3, 2]", [](Dispatch& d) { d.input.topk_weights.shape[1] = 1; });
  rejects("topk_weights: expected dense fp32 [3, 2]", [](Dispatch& d) { d.input.topk_weights.dtype = DType::kBf16; });
}

TEST(DispatchContract, IndexBeyond32Bits) {
  const std::vector<std::int64_t> experts{0, 1, 2, 3, 4, (std::int64_t{1} << 32) + 1};
  rejects("topk_idx[2, 1]", [&](Dispatch& d) {
    d.input.topk_idx = dense_view(static_cast<const void*>(experts.data()), DType::kInt64, {3, 2});
  });
}

TEST(DispatchContract, Cached) {
  const auto cache = [](Dispatch& d) {
    d.input.topk_idx = {};
    d.limits.cached = true;
    d.limits.cached_tokens = 3;
    d.limits.cached_top_k = 2;
  };
  accepts(cache);
  rejects("topk_idx: expected none: the handle has it", [&](Dispatch& d) {
    const ConstTensorView topk_idx = d.input.topk_idx;
    cache(d);
    d.input.topk_idx = topk_idx;
  });
  rejects("x: expected the 2 tokens of the handle, got 3", [&](Dispatch& d) {
    cache(d);
    d.limits.cached_tokens = 2;
  });
  rejects("topk_weights: expected dense fp32 [3, 4]", [&](Dispatch& d) {
    cache(d);
    d.limits.cached_top_k = 4;
  });
}

TEST(DispatchContract, Options) {
  rejects("quantize: expected none: x is fp8 already", [](Dispatch& d) {
    d.use_fp8();
    d.options.quantize = Quantize::kFp8;
  });
  rejects("quantize: expected hidden that is a multiple of 128", [](Dispatch& d) {
    d.input.x = dense_view(static_cast<const void*>(d.memory.data()), DType::kBf16, {3, 192});
    d.options.quantize = Quantize::kFp8;
  });
  rejects("tree: expected per_rank or hierarchical: a flat row",
          [](Dispatch& d) { d.options.tree = ReductionTree::kPerSelection; });
  rejects("tree: expected per_rank or hierarchical across nodes", [](Dispatch& d) {
    d.options = {.layout = Layout::kExpertContiguous, .tree = ReductionTree::kPerSelection};
    d.limits.num_nodes = 2;
  });
  rejects("expert_alignment: expected [1, 16], got 17",
          [](Dispatch& d) { d.options = {.layout = Layout::kExpertContiguous, .expert_alignment = 17}; });
  rejects("expert_alignment: expected [1, 16], got 0", [](Dispatch& d) { d.options.expert_alignment = 0; });
  rejects("max_recv_rows: expected at least 0, got -1", [](Dispatch& d) { d.options.max_recv_rows = -1; });
  rejects("max_recv_rows: expected none",
          [](Dispatch& d) { d.options = {.layout = Layout::kExpertPadded, .max_recv_rows = 5}; });
}

TEST(DispatchContract, OutX) {
  accepts([](Dispatch& d) { d.options.out_x = dense_view(d.memory.data(), DType::kBf16, {9, 256}); });
  accepts([](Dispatch& d) {
    d.options = {.layout = Layout::kExpertPadded, .quantize = Quantize::kFp8};
    d.options.out_x = dense_view(d.memory.data(), DType::kFp8E4m3, {2, 8, 256});  // 2 local experts, R * T_max = 8
  });
  rejects("out_x: expected dense fp8 [at least 0, 256]", [](Dispatch& d) {
    d.options.quantize = Quantize::kFp8;
    d.options.out_x = dense_view(d.memory.data(), DType::kBf16, {9, 256});
  });
  rejects("out_x: expected dense bf16 [at least 10, 256]", [](Dispatch& d) {
    d.options.max_recv_rows = 10;
    d.options.out_x = dense_view(d.memory.data(), DType::kBf16, {9, 256});
  });
  rejects("out_x: expected dense bf16 [2, 8, 256]", [](Dispatch& d) {
    d.options.layout = Layout::kExpertPadded;
    d.options.out_x = dense_view(d.memory.data(), DType::kBf16, {3, 8, 256});
  });
  rejects("out_x: expected dense bf16 [at least 0, 256]",
          [](Dispatch& d) { d.options.out_x = dense_view(d.memory.data(), DType::kBf16, {9, 128}); });
}

TEST(DispatchContract, CapacityComesFromMaxRecvRowsThenFromOutX) {
  Dispatch dispatch;
  EXPECT_EQ(row_capacity(dispatch.options), std::nullopt);
  dispatch.options.out_x = dense_view(dispatch.memory.data(), DType::kBf16, {9, 256});
  EXPECT_EQ(row_capacity(dispatch.options), 9);
  dispatch.options.max_recv_rows = 4;
  EXPECT_EQ(row_capacity(dispatch.options), 4);
  EXPECT_EQ(row_capacity({.layout = Layout::kExpertPadded}), std::nullopt);
}

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
  accepts_combine(
      [](Combine& c) { c.options = {.out_dtype = DType::kFp32, .out_y = c.tensor(DType::kFp32, {3, 64})}; });
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

}  // namespace
}  // namespace crossdock::core
