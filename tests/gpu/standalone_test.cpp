// The kernels of crossdock/gpu.hpp alone: the bits of the CPU's functions, in and out of a graph, and refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <random>
#include <set>
#include <string>

#include "core/numeric/convert.hpp"
#include "core/numeric/fp8.hpp"
#include "core/numeric/quantize.hpp"
#include "crossdock/crossdock.hpp"
#include "harness/compare.hpp"
#include "harness/node.hpp"

namespace crossdock::gpu {
namespace {

constexpr std::array kQuantizes{Quantize::kFp8, Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0};

class Standalone : public testing::Test {
 protected:
  void SetUp() override {
    if (num_devices() == 0) GTEST_SKIP() << "no GPU";
    kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
    kernels::check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  void TearDown() override {
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  /// Inputs and poison of the default stream come first.
  static void before() { kernels::check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }
  void wait() { kernels::check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

  std::mt19937 random_{20261123};
  cudaStream_t stream_ = nullptr;
};

/// What gate makes of one set of scores, on the CPU and on the GPU.
struct Gated {
  Gated(const GateConfig& gate_config, int num_tokens, std::mt19937& random) : config(gate_config), tokens(num_tokens) {
    std::normal_distribution<float> normal(0, 4);
    for (int i = 0; i < tokens * config.num_experts; ++i) scores.push_back(normal(random));
    for (int i = 0; i < config.num_experts; ++i) biases.push_back(normal(random));
    idx.resize(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(config.top_k));
    weights.resize(idx.size());
    crossdock::gate(config, logits_at(scores.data()), bias_at(biases.data()), idx_at(idx.data()),
                    weights_at(weights.data()));
    device_logits = DeviceBuffer::copy_of(scores);
    device_bias = DeviceBuffer::copy_of(biases);
    device_idx = DeviceBuffer(idx.size() * sizeof(std::int64_t));
    device_weights = DeviceBuffer(weights.size() * sizeof(float));
  }

  ConstTensorView logits_at(const void* data) const {
    return dense_view(data, DType::kFp32, {tokens, config.num_experts});
  }
  ConstTensorView bias_at(const void* data) const { return dense_view(data, DType::kFp32, {config.num_experts}); }
  TensorView idx_at(void* data) const { return dense_view(data, DType::kInt64, {tokens, config.top_k}); }
  TensorView weights_at(void* data) const { return dense_view(data, DType::kFp32, {tokens, config.top_k}); }

  void run(cudaStream_t stream) const {
    gpu::gate(config, logits_at(device_logits.as<void>()), bias_at(device_bias.as<void>()),
              idx_at(device_idx.as<void>()), weights_at(device_weights.as<void>()), stream);
  }
  void expect_equal() const {
    EXPECT_EQ(read_back<std::int64_t>(device_idx.as<void>(), idx.size()), idx);
    EXPECT_EQ(read_back<float>(device_weights.as<void>(), weights.size()), weights);
  }

  GateConfig config;
  int tokens;
  std::vector<float> scores, biases, weights;
  std::vector<std::int64_t> idx;
  DeviceBuffer device_logits, device_bias, device_idx, device_weights;
};

TEST_F(Standalone, GateHasTheBitsOfTheCpu) {
  for (const int tokens : {0, 1, 333, 4096}) {
    for (const GateConfig& config :
         {GateConfig{.num_experts = 256, .top_k = 8, .num_groups = 8, .top_groups = 4, .route_scale = 2.5F},
          GateConfig{.num_experts = 60, .top_k = 4, .sigmoid = false}}) {
      const Gated gated(config, tokens, random_);
      before();
      gated.run(stream_);
      wait();
      gated.expect_equal();
    }
  }
}

/// Rows of bf16 made FP8 on the CPU and on the GPU, and back.
struct Cast {
  Cast(Quantize kind, int num_rows, int row_hidden, std::mt19937& random)
      : quantize(kind), rows(num_rows), hidden(row_hidden), words(core::scale_words(row_hidden, kind)) {
    std::vector<float> numbers;
    std::normal_distribution<float> normal(0, 3);
    for (int i = 0; i < rows * hidden; ++i) numbers.push_back(normal(random));
    x.resize(numbers.size() * 2);
    core::store_row(x.data(), DType::kBf16, numbers.size(), numbers.data());
    codes.resize(numbers.size());
    scales.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(words));
    for (std::ptrdiff_t row = 0; row < rows; ++row) {
      core::quantize_row(x.data() + 2 * row * hidden, DType::kBf16, hidden, quantize, codes.data() + row * hidden,
                         scales.data() + row * words);
    }
    device_x = DeviceBuffer::copy_of(x);
    device_codes = DeviceBuffer(codes.size());
    device_scales = DeviceBuffer(4 * scales.size());
    device_back = DeviceBuffer(4 * codes.size());
    poison(device_scales.as<void>(), 4 * scales.size());
  }

  TensorView codes_view() const { return dense_view(device_codes.as<void>(), DType::kFp8E4m3, {rows, hidden}); }
  TensorView scales_view() const {
    return dense_view(device_scales.as<void>(), core::scale_dtype(quantize), {rows, words});
  }

  void run(cudaStream_t stream) const {
    const ConstTensorView from = dense_view(device_x.as<const void>(), DType::kBf16, {rows, hidden});
    gpu::quantize(from, quantize, codes_view(), scales_view(), stream);
    const TensorView back = dense_view(device_back.as<void>(), DType::kFp32, {rows, hidden});
    gpu::restore(codes_view(), scales_view(), quantize, back, stream);
  }

  float scale_of(std::size_t row, std::size_t block) const {
    const auto first = row * static_cast<std::size_t>(words);
    if (quantize != Quantize::kFp8Ue8m0) return std::bit_cast<float>(scales[first + block]);
    return std::bit_cast<float>((scales[first + block / 4] >> (8 * (block % 4)) & 0xFFU) << 23);
  }
  void expect_equal() const {
    EXPECT_EQ(read_back<std::uint8_t>(device_codes.as<void>(), codes.size()), codes);
    EXPECT_EQ(read_back<std::uint32_t>(device_scales.as<void>(), scales.size()), scales);
    std::vector<float> expected;
    const auto width = static_cast<std::size_t>(hidden);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      expected.push_back(core::float_from_e4m3(codes[i]) * scale_of(i / width, i % width / kQuantBlock));
    }
    EXPECT_EQ(read_back<float>(device_back.as<void>(), expected.size()), expected);
  }

  Quantize quantize;
  int rows, hidden, words;
  std::vector<std::byte> x;
  std::vector<std::uint8_t> codes;
  std::vector<std::uint32_t> scales;
  DeviceBuffer device_x, device_codes, device_scales, device_back;
};

TEST_F(Standalone, Fp8HasTheBitsOfTheCpuThereAndBack) {
  for (const Quantize quantize : kQuantizes) {
    for (const int rows : {0, 1, 77, 1000}) {
      for (const int hidden : {128, 1152, 7168}) {
        SCOPED_TRACE(testing::Message() << name_of(quantize) << " [" << rows << ", " << hidden << "]");
        const Cast cast(quantize, rows, hidden, random_);
        before();
        cast.run(stream_);
        wait();
        cast.expect_equal();
      }
    }
  }
}

/// A routing, counted plainly and on the GPU.
struct Counted {
  Counted(int num_tokens, int k, int experts, int ranks, std::mt19937& random)
      : tokens(num_tokens), top_k(k), num_experts(experts), num_ranks(ranks) {
    for (int i = 0; i < tokens * top_k; ++i) {
      const auto expert = static_cast<std::int32_t>(random() % static_cast<unsigned>(num_experts + 2));
      idx.push_back(expert == num_experts ? -1 : expert);  // num_experts + 1 is out of range: no selection either
    }
    count();
    device_idx = DeviceBuffer::copy_of(idx);
    scratch_bytes = routing_scratch_bytes(tokens);
    scratch = DeviceBuffer(scratch_bytes);
    poison(scratch.as<void>(), scratch_bytes);
    device_rank_rows = DeviceBuffer(rank_rows.size() * 4);
    device_expert_rows = DeviceBuffer(expert_rows.size() * 4);
    device_slots = DeviceBuffer(slots.size() * 4);
    poison(device_rank_rows.as<void>(), rank_rows.size() * 4);
    poison(device_expert_rows.as<void>(), expert_rows.size() * 4);
    poison(device_slots.as<void>(), slots.size() * 4);
  }

  void count() {
    std::vector<std::size_t> holder;
    for (int rank = 0; rank < num_ranks; ++rank) {
      const int held = num_experts / num_ranks + (rank < num_experts % num_ranks ? 1 : 0);
      holder.insert(holder.end(), static_cast<std::size_t>(held), static_cast<std::size_t>(rank));
    }
    const auto ranks = static_cast<std::size_t>(num_ranks);
    rank_rows.assign(ranks, 0);
    expert_rows.assign(static_cast<std::size_t>(num_experts), 0);
    slots.assign(static_cast<std::size_t>(tokens) * ranks, -1);
    for (std::size_t i = 0; i < idx.size(); ++i) {
      if (idx[i] < 0 || idx[i] >= num_experts) continue;
      const auto expert = static_cast<std::size_t>(idx[i]);
      ++expert_rows[expert];
      std::int32_t& slot = slots[i / static_cast<std::size_t>(top_k) * ranks + holder[expert]];
      if (slot < 0) slot = rank_rows[holder[expert]]++;
    }
  }

  void run(cudaStream_t stream) const {
    const RoutingCounts counts{.rank_rows = dense_view(device_rank_rows.as<void>(), DType::kInt32, {num_ranks}),
                               .expert_rows = dense_view(device_expert_rows.as<void>(), DType::kInt32, {num_experts}),
                               .slots = dense_view(device_slots.as<void>(), DType::kInt32, {tokens, num_ranks})};
    count_routing(dense_view(device_idx.as<const void>(), DType::kInt32, {tokens, top_k}), num_experts, num_ranks,
                  counts, scratch.as<void>(), scratch_bytes, stream);
  }
  void expect_equal() const {
    EXPECT_EQ(read_back<std::int32_t>(device_rank_rows.as<void>(), rank_rows.size()), rank_rows);
    EXPECT_EQ(read_back<std::int32_t>(device_expert_rows.as<void>(), expert_rows.size()), expert_rows);
    EXPECT_EQ(read_back<std::int32_t>(device_slots.as<void>(), slots.size()), slots);
  }

  int tokens, top_k, num_experts, num_ranks;
  std::vector<std::int32_t> idx, rank_rows, expert_rows, slots;
  std::size_t scratch_bytes = 0;
  DeviceBuffer device_idx, scratch, device_rank_rows, device_expert_rows, device_slots;
};

TEST_F(Standalone, CountsAreThoseOfAPlainCount) {
  for (const int tokens : {0, 1, 255, 257, 5000}) {
    for (const auto& [top_k, experts, ranks] : {std::array{1, 1, 1}, std::array{8, 256, 8}, std::array{6, 100, 32},
                                                std::array{32, 1024, 7}, std::array{2, 3, 5}}) {
      SCOPED_TRACE(testing::Message() << tokens << " tokens, " << experts << " experts, " << ranks << " ranks");
      const Counted counted(tokens, top_k, experts, ranks, random_);
      before();
      for (int call = 0; call < 3; ++call) counted.run(stream_);  // the scratch of one call is good for the next one
      wait();
      counted.expect_equal();
    }
  }
}

TEST_F(Standalone, AGraphReplaysAllOfThem) {
  const Gated gated({.num_experts = 64, .top_k = 6}, 700, random_);
  const Cast cast(Quantize::kFp8Ue8m0, 70, 512, random_);
  const Counted counted(700, 6, 64, 8, random_);
  before();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t replay = nullptr;
  kernels::check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  gated.run(stream_);
  counted.run(stream_);
  cast.run(stream_);
  kernels::check_cuda(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
  kernels::check_cuda(cudaGraphInstantiate(&replay, graph, 0), "cudaGraphInstantiate");
  for (int round = 0; round < 5; ++round) {
    poison(gated.device_idx.as<void>(), gated.idx.size() * sizeof(std::int64_t));
    poison(counted.device_slots.as<void>(), counted.slots.size() * 4);
    poison(cast.device_codes.as<void>(), cast.codes.size());
    before();
    kernels::check_cuda(cudaGraphLaunch(replay, stream_), "cudaGraphLaunch");
    wait();
    gated.expect_equal();
    counted.expect_equal();
    cast.expect_equal();
  }
  cudaGraphExecDestroy(replay);
  cudaGraphDestroy(graph);
}

void expect_refused(const char* text, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "expected an Error with \"" << text << "\"";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr(text));
  }
}

/// A tensor of each function lies in 16 KiB `elsewhere`. `memory`: the refusal.
void expect_memory_refused(void* elsewhere, const std::string& memory) {
  const DeviceBuffer gpu(4096 * 4);
  const auto at_other = [&](DType dtype, std::initializer_list<std::int64_t> shape) {
    return dense_view(elsewhere, dtype, shape);
  };
  const auto at_gpu = [&](DType dtype, std::initializer_list<std::int64_t> shape) {
    return dense_view(gpu.as<void>(), dtype, shape);
  };
  const GateConfig config{.num_experts = 8, .top_k = 2};
  expect_refused(("gate: logits: " + memory).c_str(), [&] {
    gpu::gate(config, at_other(DType::kFp32, {4, 8}), {}, at_gpu(DType::kInt32, {4, 2}),
              dense_view(gpu.as<std::byte>() + 4096, DType::kFp32, {4, 2}), nullptr);
  });
  expect_refused(("quantize: scales: " + memory).c_str(), [&] {
    gpu::quantize(at_gpu(DType::kBf16, {4, 128}), Quantize::kFp8, at_gpu(DType::kFp8E4m3, {4, 128}),
                  at_other(DType::kFp32, {4, 1}), nullptr);
  });
  expect_refused(("restore: x: " + memory).c_str(), [&] {
    gpu::restore(at_other(DType::kFp8E4m3, {4, 128}), at_gpu(DType::kFp32, {4, 1}), Quantize::kFp8,
                 at_gpu(DType::kBf16, {4, 128}), nullptr);
  });
  const RoutingCounts counts{.rank_rows = at_gpu(DType::kInt32, {2}),
                             .expert_rows = at_gpu(DType::kInt32, {8}),
                             .slots = at_gpu(DType::kInt32, {4, 2})};
  expect_refused(("count_routing: scratch: " + memory).c_str(), [&] {
    count_routing(at_gpu(DType::kInt32, {4, 2}), 8, 2, counts, elsewhere, routing_scratch_bytes(4), nullptr);
  });
}

TEST_F(Standalone, OrdinaryHostMemoryIsRefused) {
  std::vector<std::byte> host(4 * routing_scratch_bytes(4));
  expect_memory_refused(host.data(), "expected GPU memory, got ordinary host memory");
}

TEST_F(Standalone, MemoryOfAnotherGpuIsRefused) {
  if (num_devices() < 2) GTEST_SKIP() << "one GPU";
  kernels::check_cuda(cudaSetDevice(1), "cudaSetDevice");
  const DeviceBuffer there(4 * routing_scratch_bytes(4));
  kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
  expect_memory_refused(there.as<void>(), "expected memory of GPU 0, got memory of GPU 1");
}

TEST_F(Standalone, WhatDoesNotFitIsRefused) {
  const DeviceBuffer gpu(1U << 20);
  const auto view = [&](DType dtype, std::initializer_list<std::int64_t> shape) {
    return dense_view(gpu.as<void>(), dtype, shape);
  };
  const RoutingCounts counts{.rank_rows = view(DType::kInt32, {2}),
                             .expert_rows = view(DType::kInt32, {8}),
                             .slots = view(DType::kInt32, {4, 3})};
  const TensorView idx = view(DType::kInt32, {4, 2});
  expect_refused("slots: expected dense int32 [4, 2], got int32 [4, 3]",
                 [&] { count_routing(idx, 8, 2, counts, gpu.as<void>(), 1U << 20, nullptr); });
  expect_refused("scratch_bytes: expected at least", [&] {
    count_routing(idx, 8, 3, {view(DType::kInt32, {3}), counts.expert_rows, counts.slots}, gpu.as<void>(), 16, nullptr);
  });
  expect_refused("num_experts: expected [1, 1024], got 1025",
                 [&] { count_routing(idx, 1025, 2, counts, gpu.as<void>(), 1U << 20, nullptr); });
  const GateConfig wide{.num_experts = 2048, .top_k = 2};
  expect_refused("num_experts: expected at most 1024 on a GPU, got 2048", [&] {
    gpu::gate(wide, view(DType::kFp32, {4, 2048}), {},
              dense_view(gpu.as<std::byte>() + (1U << 16), DType::kInt32, {4, 2}),
              dense_view(gpu.as<std::byte>() + (1U << 17), DType::kFp32, {4, 2}), nullptr);
  });
  const TensorView rows = view(DType::kBf16, {4, 128});
  const TensorView codes = view(DType::kFp8E4m3, {4, 128});
  expect_refused("quantize: quantize: expected a kind of fp8, got none",
                 [&] { gpu::quantize(rows, Quantize::kNone, codes, view(DType::kFp32, {4, 1}), nullptr); });
  expect_refused("quantize: quantize: expected a kind of fp8, got value 4",
                 [&] { gpu::quantize(rows, static_cast<Quantize>(4), codes, view(DType::kFp32, {4, 1}), nullptr); });
  expect_refused("quantize: scales: expected dense fp32 [4, 1], got int32 [4, 1]",
                 [&] { gpu::quantize(rows, Quantize::kFp8, codes, view(DType::kInt32, {4, 1}), nullptr); });
  expect_refused("restore: out: expected [T, H], H a multiple of 128", [&] {
    gpu::restore(view(DType::kFp8E4m3, {4, 96}), view(DType::kFp32, {4, 1}), Quantize::kFp8,
                 view(DType::kBf16, {4, 96}), nullptr);
  });
}

TEST_F(Standalone, OutputsThatOverlapAreRefused) {
  const DeviceBuffer gpu(1U << 20);
  const auto at = [&](int place, DType dtype, std::initializer_list<std::int64_t> shape) {
    return dense_view(gpu.as<std::byte>() + 4096 * place, dtype, shape);
  };
  const GateConfig config{.num_experts = 8, .top_k = 2};
  const TensorView logits = at(0, DType::kFp32, {4, 8});
  expect_refused("gate: topk_weights: expected memory apart from that of logits", [&] {
    gpu::gate(config, logits, {}, at(1, DType::kInt32, {4, 2}), at(0, DType::kFp32, {4, 2}), nullptr);
  });
  const TensorView rows = at(0, DType::kBf16, {4, 128});
  const TensorView codes = at(1, DType::kFp8E4m3, {4, 128});
  const TensorView scales = at(2, DType::kFp32, {4, 1});
  expect_refused("quantize: out: expected memory apart from that of x",
                 [&] { gpu::quantize(rows, Quantize::kFp8, at(0, DType::kFp8E4m3, {4, 128}), scales, nullptr); });
  expect_refused("quantize: scales: expected memory apart from that of out",
                 [&] { gpu::quantize(rows, Quantize::kFp8, codes, at(1, DType::kFp32, {4, 1}), nullptr); });
  expect_refused("restore: out: expected memory apart from that of scales",
                 [&] { gpu::restore(codes, scales, Quantize::kFp8, at(2, DType::kFp32, {4, 128}), nullptr); });
  const TensorView idx = at(0, DType::kInt32, {4, 2});
  const RoutingCounts counts{.rank_rows = at(1, DType::kInt32, {2}),
                             .expert_rows = at(2, DType::kInt32, {8}),
                             .slots = at(3, DType::kInt32, {4, 2})};
  const std::size_t bytes = routing_scratch_bytes(4);
  expect_refused("count_routing: scratch: expected memory apart from that of slots",
                 [&] { count_routing(idx, 8, 2, counts, counts.slots.data, bytes, nullptr); });
  RoutingCounts same = counts;
  same.expert_rows = at(0, DType::kInt32, {8});
  expect_refused("count_routing: expert_rows: expected memory apart from that of topk_idx",
                 [&] { count_routing(idx, 8, 2, same, at(4, DType::kInt32, {1}).data, bytes, nullptr); });
}

TEST_F(Standalone, FootprintNamesEveryKernelAndEachFitsAnSm) {
  std::set<std::string> names;
  for (const KernelFootprint& kernel : footprint()) {
    SCOPED_TRACE(kernel.name);
    EXPECT_TRUE(names.insert(kernel.name).second) << "twice";
    EXPECT_GE(kernel.threads, 32);
    EXPECT_GT(kernel.registers, 0);
    EXPECT_GE(kernel.blocks_per_sm, 1);
  }
  EXPECT_GE(names.size(), 20U);
  EXPECT_TRUE(names.contains("gate"));
}

}  // namespace
}  // namespace crossdock::gpu
