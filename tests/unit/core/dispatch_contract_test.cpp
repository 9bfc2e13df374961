#include "core/contract/dispatch_contract.hpp"

#include "contract_cases.hpp"

namespace crossdock::core {
namespace {

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
  rejects("x: expected 0 to 3 dimensions, got 4", [](Dispatch& d) { d.input.x.num_dims = 4; });
  rejects("x: expected sizes that are not negative", [](Dispatch& d) { d.input.x.shape[0] = -1; });
  rejects("fit memory, got bf16 [1099511627776, 1099511627776]",
          [](Dispatch& d) { d.input.x.shape = {kHuge, kHuge, 0}; });
  rejects("x: expected 0 to 3 dimensions, got -1", [](Dispatch& d) { d.input.x.num_dims = -1; });
  rejects("x: expected sizes that are not negative and fit memory, got bf16 [-1, 256]",
          [](Dispatch& d) { d.input.x.shape[0] = -1; });
  rejects("x: expected bf16, fp16, fp32, fp8, int32 or int64, got value 77",
          [](Dispatch& d) { d.input.x.dtype = static_cast<DType>(77); });
  rejects("scales: expected strides that fit memory, got fp32 [3, 2] with strides [4611686018427387904, 1]",
          [](Dispatch& d) {
            d.use_fp8();
            d.input.scales.strides[0] = std::int64_t{1} << 62;
          });
  rejects("scales: expected sizes", [](Dispatch& d) { d.input.scales = {.num_dims = 3, .shape = {kHuge, kHuge, 0}}; });
}

TEST(DispatchContract, X) {
  rejects("x: expected bf16, fp16, fp32 or fp8 [T, H]", [](Dispatch& d) { d.input.x = {}; });
  rejects("x: expected bf16, fp16, fp32 or fp8 [T, H]", [](Dispatch& d) { d.input.x.dtype = DType::kInt32; });
  rejects("x: expected bf16, fp16, fp32 or fp8 [T, H]", [](Dispatch& d) { d.input.x.strides[1] = 2; });
  rejects("x: expected memory", [](Dispatch& d) { d.input.x.data = nullptr; });
  rejects("x: expected memory at a multiple of 2 bytes, got bf16 [3, 256] at 1 beyond one",
          [](Dispatch& d) { d.input.x.data = d.memory.data() + 1; });
  rejects("x: expected rows at least their 256 elements apart, got a stride of 0",
          [](Dispatch& d) { d.input.x.strides[0] = 0; });
  rejects("x: expected rows at least their 256 elements apart, got a stride of -256",
          [](Dispatch& d) { d.input.x.strides[0] = -256; });
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
  accepts([](Dispatch& d) { d.options.out_x = output(DType::kBf16, {9, 256}); });
  accepts([](Dispatch& d) {
    d.options = {.layout = Layout::kExpertPadded, .quantize = Quantize::kFp8};
    d.options.out_x = output(DType::kFp8E4m3, {2, 8, 256});  // 2 local experts, R * T_max = 8
  });
  rejects("out_x: expected dense fp8 [at least 0, 256]", [](Dispatch& d) {
    d.options.quantize = Quantize::kFp8;
    d.options.out_x = output(DType::kBf16, {9, 256});
  });
  rejects("out_x: expected dense bf16 [at least 10, 256]", [](Dispatch& d) {
    d.options.max_recv_rows = 10;
    d.options.out_x = output(DType::kBf16, {9, 256});
  });
  rejects("out_x: expected dense bf16 [2, 8, 256]", [](Dispatch& d) {
    d.options.layout = Layout::kExpertPadded;
    d.options.out_x = output(DType::kBf16, {3, 8, 256});
  });
  rejects("out_x: expected dense bf16 [at least 0, 256]",
          [](Dispatch& d) { d.options.out_x = output(DType::kBf16, {9, 128}); });
}

TEST(DispatchContract, Choices) {
  rejects("layout: expected flat, expert_contiguous or expert_padded, got value 3",
          [](Dispatch& d) { d.options.layout = static_cast<Layout>(3); });
  rejects("tree: expected per_rank, per_selection or hierarchical, got value 255",
          [](Dispatch& d) { d.options.tree = static_cast<ReductionTree>(255); });
  rejects("quantize: expected none, fp8, fp8_power_of_two or fp8_ue8m0, got value 4",
          [](Dispatch& d) { d.options.quantize = static_cast<Quantize>(4); });
  rejects("scale_order: expected row_major or column_major, got value 2",
          [](Dispatch& d) { d.options.scale_order = static_cast<ScaleOrder>(2); });
  rejects("execution.num_sms: expected at least 0, got -1", [](Dispatch& d) { d.options.execution.num_sms = -1; });
}

TEST(DispatchContract, OutXApart) {
  const auto out_at = [](const Dispatch& d, std::ptrdiff_t byte) {
    return dense_view(static_cast<void*>(const_cast<std::byte*>(d.memory.data()) + byte), DType::kBf16, {9, 256});
  };
  rejects("out_x: expected memory apart from that of x, got bf16 [9, 256] that overlaps bf16 [3, 256]",
          [&](Dispatch& d) { d.options.out_x = out_at(d, 0); });
  rejects("out_x: expected memory apart from that of x", [&](Dispatch& d) { d.options.out_x = out_at(d, 1534); });
  accepts([&](Dispatch& d) { d.options.out_x = out_at(d, 1536); });
  rejects("out_x: expected memory apart from that of topk_idx",
          [&](Dispatch& d) { d.options.out_x = dense_view(d.experts.data(), DType::kBf16, {1, 256}); });
  rejects("out_x: expected memory apart from that of topk_weights", [&](Dispatch& d) {
    d.input.topk_weights.data = d.memory.data() + 4096;
    d.options.out_x = out_at(d, 2048);
  });
  rejects("out_x: expected memory apart from that of scales", [&](Dispatch& d) {
    d.use_fp8();
    d.input.scales.data = d.memory.data() + 4096;
    d.options.out_x = dense_view(d.memory.data() + 4096, DType::kFp8E4m3, {2, 256});
  });
  // Between the rows of x, where they have room between them.
  accepts([&](Dispatch& d) {
    d.input.x.strides[0] = 512;
    d.options.out_x = dense_view(d.memory.data() + 512, DType::kBf16, {1, 256});
  });
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

}  // namespace
}  // namespace crossdock::core
