// Values that no caller should pass, and outputs in the memory of inputs, on GPUs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/numeric/convert.hpp"
#include "harness/device_buffer.hpp"
#include "harness/group_cases.hpp"
#include "unit/engine/run_ranks.hpp"
#include "unit/engine/tokens.hpp"

namespace crossdock::gpu {
namespace {

GroupConfig config_with(int num_sms) {
  GroupConfig config = config_of(milliseconds(20'000));
  config.num_sms = num_sms;
  return config;
}

/// A rank's input on its GPU, x and a bias in any plain type.
struct OnDevice {
  OnDevice(int rank, DType dtype)
      : host(test::make_tokens(rank, kTokens, kHidden, kTopK, test::kExperts)),
        host_rows(bytes_in(dtype)),
        x(rows(dtype)),
        bias(rows(dtype)),
        idx(DeviceBuffer::copy_of(host.topk_idx)),
        type(dtype) {}

  std::vector<std::byte> bytes_in(DType dtype) const {
    std::vector<std::byte> bytes(host.x.size() * size_of(dtype));
    core::store_row(bytes.data(), dtype, host.x.size(), host.x.data());
    return bytes;
  }
  DeviceBuffer rows(DType dtype) const { return DeviceBuffer::copy_of(bytes_in(dtype)); }
  TensorView view(const DeviceBuffer& buffer) const { return dense_view(buffer.as<void>(), type, {kTokens, kHidden}); }
  DispatchInput input() const {
    return {.x = view(x), .topk_idx = dense_view(idx.as<const void>(), DType::kInt32, {kTokens, kTopK})};
  }

  test::RankTokens host;
  std::vector<std::byte> host_rows;  ///< x in `type`
  DeviceBuffer x, bias, idx;
  DType type;
};

struct Bad {
  const char* message;
  std::function<void(DispatchInput&, DispatchOptions&)> spoil;
};

const Bad kCases[]{
    {"layout: expected flat, expert_contiguous or expert_padded, got value 77",
     [](auto&, auto& options) { options.layout = static_cast<Layout>(77); }},
    {"quantize: expected none, fp8, fp8_power_of_two or fp8_ue8m0, got value 9",
     [](auto&, auto& options) { options.quantize = static_cast<Quantize>(9); }},
    {"x: expected 0 to 3 dimensions, got 4", [](auto& input, auto&) { input.x.num_dims = 4; }},
    {"topk_idx: expected bf16, fp16, fp32, fp8, int32 or int64, got value 6",
     [](auto& input, auto&) { input.topk_idx.dtype = static_cast<DType>(6); }},
    {"x: expected rows at least their 128 elements apart, got a stride of 0",
     [](auto& input, auto&) { input.x.strides[0] = 0; }},
    {"out_x: expected memory apart from that of x, got fp32 [6, 128] that overlaps fp32 [6, 128]",
     [](auto& input, auto& options) {
       options.out_x = dense_view(const_cast<void*>(input.x.data), DType::kFp32, {kTokens, kHidden});
     }},
};

// The checks are those of the CPU; what is tested is that a GPU's call makes them first, and that peers hear of it.
TEST(BadValuesOnGpus, AreRejectedEverywhereAndTheGroupGoesOn) {
  test::run_ranks(2, [](const World& world) {
    use_device_of(world);
    const OnDevice mine(world.rank(), DType::kFp32);
    Group group(world, config_with(4));
    for (const Bad& bad : kCases) {
      DispatchInput input = mine.input();
      DispatchOptions options;
      if (world.rank() == 1) bad.spoil(input, options);
      EXPECT_ERROR(group.dispatch(input, options),
                   world.rank() == 1 ? ErrorCode::kInvalidArgument : ErrorCode::kRejectedByPeer, bad.message);
      group.dispatch(mine.input());  // rank 1 does not get ahead of what rank 0 is told
    }
    for (const std::int64_t rows : {std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 40}) {
      if (world.rank() == 1) {
        EXPECT_TRUE(test::error_of([&] { group.dispatch(mine.input(), {.max_recv_rows = rows}); })) << rows;
      } else {
        group.dispatch(mine.input(), {.max_recv_rows = 100});
        synchronize(group);
        EXPECT_ERROR(group.dispatch(mine.input()), ErrorCode::kRejectedByPeer, "rank 1");  // of the call before
      }
      group.dispatch(mine.input());
    }
    DispatchResult result = group.dispatch(mine.input());
    EXPECT_GE(result.num_rows, 0);
    result.memory = {};
    EXPECT_ERROR(group.combine(result.handle, {.x = result.x}), ErrorCode::kInvalidArgument,
                 "x: expected memory that is held");
  });
}

struct InPlace {
  Layout layout;
  ReductionTree tree;
  DType type;
};

class BiasInPlace : public testing::TestWithParam<InPlace> {};

TEST_P(BiasInPlace, OutYMayBeABias) {
  test::run_ranks(2, [](const World& world) {
    use_device_of(world);
    const OnDevice mine(world.rank(), GetParam().type);
    // Made and freed while no peer waits in a kernel: where ranks share a GPU, cudaFree waits for the peer's too.
    const DeviceBuffer separate = mine.rows(mine.type);
    Group group(world, config_with(2));
    const DispatchResult result = group.dispatch(mine.input(), {.layout = GetParam().layout, .tree = GetParam().tree});
    const TensorView y = mine.view(mine.bias);
    const auto combine = [&](const TensorView& bias0, const TensorView& bias1) {
      kernels::check_cuda(cudaMemcpy(y.data, mine.host_rows.data(), y.num_bytes(), cudaMemcpyHostToDevice),
                          "cudaMemcpy");
      group.combine(result.handle, {.x = result.x, .bias0 = bias0, .bias1 = bias1}, {.out_y = y});
      synchronize(group);
      return read_back<std::byte>(y.data, y.num_bytes());
    };
    const TensorView apart = mine.view(separate);
    EXPECT_EQ(combine(y, {}), combine(apart, {})) << "bias0";
    EXPECT_EQ(combine(apart, y), combine(apart, apart)) << "bias1";
    EXPECT_EQ(combine(y, y), combine(apart, apart)) << "both";
  });
}

INSTANTIATE_TEST_SUITE_P(Kernels, BiasInPlace,
                         testing::Values(InPlace{Layout::kFlat, ReductionTree::kPerRank, DType::kBf16},
                                         InPlace{Layout::kFlat, ReductionTree::kPerRank, DType::kFp32},
                                         InPlace{Layout::kExpertContiguous, ReductionTree::kPerSelection, DType::kBf16},
                                         InPlace{Layout::kExpertPadded, ReductionTree::kPerRank, DType::kBf16},
                                         InPlace{Layout::kExpertPadded, ReductionTree::kPerRank, DType::kFp32}),
                         [](const auto& one) {
                           return std::string(name_of(one.param.layout)) + "_" + std::string(name_of(one.param.type));
                         });

}  // namespace
}  // namespace crossdock::gpu
