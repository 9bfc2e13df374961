// Rows of latency mode whose bytes are those of memory in which nothing has come yet.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "crossdock/reference.hpp"
#include "device/port/latency_area.hpp"
#include "harness/device_buffer.hpp"
#include "unit/engine/run_ranks.hpp"
#include "unit/engine/tokens.hpp"

namespace crossdock::gpu {
namespace {

using test::kExperts;
using test::kHidden;
using test::kTokens;
using test::kTopK;

constexpr int kRanks = 2;
constexpr int kMaxTokens = 16;
constexpr int kScaleWords = kHidden / 128;

/// What one rank gives to dispatch: fp32, or ready fp8 with scales.
struct Rows {
  std::vector<std::byte> x;
  std::vector<std::byte> scales;
  test::RankTokens tokens;

  bool is_fp8() const { return !scales.empty(); }

  DispatchInput input(const void* x_at, const void* scales_at, const void* idx_at) const {
    const DType dtype = is_fp8() ? DType::kFp8E4m3 : DType::kFp32;
    DispatchInput input{.x = dense_view(x_at, dtype, {kTokens, kHidden}),
                        .topk_idx = dense_view(idx_at, DType::kInt32, {kTokens, kTopK})};
    if (is_fp8()) input.scales = dense_view(scales_at, DType::kFp32, {kTokens, kScaleWords});
    return input;
  }
  DispatchInput input() const { return input(x.data(), scales.data(), tokens.topk_idx.data()); }
};

void look_empty(std::vector<std::byte>& bytes, std::size_t begin, std::size_t count) {
  std::memset(bytes.data() + begin, device::kEmptyByte, count);
}

/// Of one token every byte looks empty, of another one the last word, of a third one the scales.
Rows make_rows(int rank, bool fp8, bool with_empty) {
  Rows rows{.x = {}, .scales = {}, .tokens = test::make_tokens(rank, kTokens, kHidden, kTopK, kExperts)};
  const std::size_t row_bytes = kHidden * (fp8 ? 1 : sizeof(float));
  rows.x.resize(kTokens * row_bytes);
  std::memcpy(rows.x.data(), rows.tokens.x.data(), rows.x.size());
  if (fp8) rows.scales.resize(kTokens * kScaleWords * sizeof(float), std::byte{0x3F});
  if (!with_empty) return rows;
  look_empty(rows.x, row_bytes * static_cast<std::size_t>(1 + rank), row_bytes);
  look_empty(rows.x, row_bytes * static_cast<std::size_t>(4 + rank) - 8, 8);
  if (fp8) look_empty(rows.scales, kScaleWords * sizeof(float) * 2, kScaleWords * sizeof(float));
  return rows;
}

struct Expected {
  std::vector<reference::Dispatched> dispatched;
  std::vector<reference::Combined> combined;
};

Expected expect(const std::vector<Rows>& ranks, const DispatchOptions& options) {
  std::vector<DispatchInput> inputs;
  for (const Rows& rows : ranks) inputs.push_back(rows.input());
  const std::vector<DispatchOptions> all(ranks.size(), options);
  const reference::Problem problem{.num_ranks = kRanks, .num_experts = kExperts, .latency_max_tokens = kMaxTokens};
  Expected expected{.dispatched = reference::dispatch(problem, inputs, all), .combined = {}};
  if (ranks.front().is_fp8()) return expected;
  std::vector<CombineInput> combines;
  for (const auto& rank : expected.dispatched) combines.push_back({.x = rank.x.view()});
  expected.combined = reference::combine(problem, inputs, all, combines, {});
  return expected;
}

/// Rows that the layout has, [experts, kRanks * kMaxTokens] of row_bytes each.
void expect_rows(const reference::Tensor& want, const void* got_at, const std::vector<std::int32_t>& counts) {
  const auto got = read_back<std::byte>(got_at, want.bytes.size());
  const std::size_t expert_bytes = want.bytes.size() / counts.size();
  for (std::size_t expert = 0; expert < counts.size(); ++expert) {
    const std::size_t used = expert_bytes / (kRanks * kMaxTokens) * static_cast<std::size_t>(counts[expert]);
    EXPECT_EQ(std::memcmp(want.bytes.data() + expert * expert_bytes, got.data() + expert * expert_bytes, used), 0)
        << "rows of expert " << expert;
  }
}

/// NaNs are equal whatever their payload.
void expect_sums(const reference::Tensor& want, const void* got_at) {
  const auto got = read_back<float>(got_at, want.bytes.size() / sizeof(float));
  for (std::size_t i = 0; i < got.size(); ++i) {
    float value = 0;
    std::memcpy(&value, want.bytes.data() + i * sizeof value, sizeof value);
    ASSERT_TRUE(value == got[i] || (std::isnan(value) && std::isnan(got[i]))) << "element " << i;
  }
}

struct DeviceRows {
  explicit DeviceRows(const Rows& host)
      : rows(host),
        x(DeviceBuffer::copy_of(host.x)),
        scales(DeviceBuffer::copy_of(host.scales)),
        idx(DeviceBuffer::copy_of(host.tokens.topk_idx)) {}

  DispatchInput input() const { return rows.input(x.as<void>(), scales.as<void>(), idx.as<void>()); }

  Rows rows;
  DeviceBuffer x, scales, idx;
};

void round_trip(Group& group, const DeviceRows& mine, const Expected& expected, const DispatchOptions& options) {
  const auto rank = static_cast<std::size_t>(group.rank());
  const DispatchResult result = group.dispatch(mine.input(), options);
  const auto& want = expected.dispatched[rank];
  kernels::check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(group.stream())), "cudaStreamSynchronize");
  const auto counts = read_back<std::int32_t>(result.tokens_per_expert.data, kExperts / kRanks);
  ASSERT_EQ(std::memcmp(counts.data(), want.tokens_per_expert.bytes.data(), want.tokens_per_expert.bytes.size()), 0);
  expect_rows(want.x, result.x.data, counts);
  if (mine.rows.is_fp8()) {
    expect_rows(want.scales, result.scales.data, counts);
    return;
  }
  const CombineResult combined = group.combine(result.handle, {.x = result.x});
  kernels::check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(group.stream())), "cudaStreamSynchronize");
  expect_sums(expected.combined[rank].y, combined.y.data);
}

class RowsThatLookEmpty : public testing::TestWithParam<bool> {};

/// Such calls and others in turn: what a call leaves behind must not look like rows of a later one.
TEST_P(RowsThatLookEmpty, ArriveLikeAllOthers) {
  const DispatchOptions options{.layout = Layout::kExpertPadded};
  std::vector<Rows> all[2];
  for (int rank = 0; rank < kRanks; ++rank) {
    for (const bool with_empty : {false, true}) all[with_empty].push_back(make_rows(rank, GetParam(), with_empty));
  }
  const Expected expected[2] = {expect(all[0], options), expect(all[1], options)};
  test::run_ranks(kRanks, [&](const World& world) {
    int count = 0;
    kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    kernels::check_cuda(cudaSetDevice(world.rank() % count), "cudaSetDevice");
    GroupConfig config = test::small_config(std::chrono::milliseconds(20'000));
    config.backend = Backend::kCuda;
    Group group(world, config);
    const auto rank = static_cast<std::size_t>(world.rank());
    const DeviceRows mine[2] = {DeviceRows(all[0][rank]), DeviceRows(all[1][rank])};
    for (const int with_empty : {0, 1, 0, 0, 1, 1, 1, 0}) {
      round_trip(group, mine[with_empty], expected[with_empty], options);
    }
    EXPECT_FALSE(group.status());
  });
}

INSTANTIATE_TEST_SUITE_P(Types, RowsThatLookEmpty, testing::Bool(),
                         [](const auto& fp8) { return fp8.param ? "fp8" : "fp32"; });

}  // namespace
}  // namespace crossdock::gpu
