// FP8 made and restored, and rows moved, on the GPU: the bits of core.
#include "kernels/cast/cast.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "core/numeric/convert.hpp"
#include "core/numeric/fp8.hpp"
#include "core/numeric/quantize.hpp"
#include "harness/compare.hpp"
#include "harness/node.hpp"

namespace crossdock::gpu {
namespace {

constexpr std::array kDTypes{DType::kBf16, DType::kFp16, DType::kFp32};
constexpr std::array kQuantizes{Quantize::kFp8, Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0};
constexpr int kSms = 3;

class Cast : public testing::Test {
 protected:
  void SetUp() override {
    if (num_devices() == 0) GTEST_SKIP() << "no GPU";
    kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
    kernels::load_cast();
  }

  std::mt19937 random_{20260200};
};

/// Numbers of all sizes; now and then none.
float draw_value(std::mt19937& random) {
  const auto kind = random() % 64;
  if (kind == 0) return std::numeric_limits<float>::quiet_NaN();
  if (kind == 1) return std::numeric_limits<float>::infinity() * (random() % 2 == 0 ? 1.0F : -1.0F);
  if (kind < 4) return 0.0F;
  const float value = std::normal_distribution<float>()(random);
  return kind < 8 ? value * std::exp2(static_cast<float>(random() % 200) - 100.0F) : value;
}

/// A block of one size, so that some are below the smallest amax and some at the largest numbers.
std::vector<std::byte> draw_rows(DType dtype, int rows, int hidden, std::mt19937& random) {
  std::vector<float> values;
  while (values.size() < static_cast<std::size_t>(rows) * static_cast<std::size_t>(hidden)) {
    const float size = std::exp2(static_cast<float>(random() % 60) - 30.0F);
    const bool finite = random() % 2 == 0;
    for (int i = 0; i < kQuantBlock; ++i) {
      const float value = draw_value(random) * size;
      values.push_back(finite && !std::isfinite(value) ? size : value);
    }
  }
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  core::store_row(bytes.data(), dtype, values.size(), values.data());
  return bytes;
}

/// Equal bytes, or both NaN.
void expect_e4m3(const std::vector<std::uint8_t>& expected, const std::vector<std::uint8_t>& got) {
  ASSERT_EQ(expected.size(), got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool both_nan = (expected[i] & 0x7F) == 0x7F && (got[i] & 0x7F) == 0x7F;
    ASSERT_TRUE(expected[i] == got[i] || both_nan) << i << ": expected " << int{expected[i]} << ", got " << int{got[i]};
  }
}

TEST_F(Cast, QuantizedRowsHaveTheBitsOfCore) {
  for (const DType dtype : kDTypes) {
    for (const Quantize quantize : kQuantizes) {
      for (const int hidden : {128, 256, 640, 1152, 7168}) {
        SCOPED_TRACE(testing::Message() << name_of(dtype) << ", " << name_of(quantize) << ", hidden " << hidden);
        const int rows = 37;
        const int words = core::scale_words(hidden, quantize);
        const std::vector<std::byte> x = draw_rows(dtype, rows, hidden, random_);
        std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * hidden));
        std::vector<std::uint32_t> scales(static_cast<std::size_t>(rows * words));
        for (int row = 0; row < rows; ++row) {
          core::quantize_row(x.data() + static_cast<std::size_t>(row * hidden) * size_of(dtype), dtype, hidden,
                             quantize, codes.data() + row * hidden, scales.data() + row * words);
        }
        const DeviceBuffer device_x = DeviceBuffer::copy_of(x);
        const DeviceBuffer out(codes.size());
        const DeviceBuffer out_scales(4 * scales.size());
        poison(out_scales.as<void>(), 4 * scales.size());
        kernels::launch_quantize({.x = device_x.as<std::byte>(),
                                  .dtype = dtype,
                                  .num_rows = rows,
                                  .hidden = hidden,
                                  .quantize = quantize,
                                  .out = out.as<std::uint8_t>(),
                                  .scales = out_scales.as<std::uint32_t>()},
                                 kSms, nullptr);
        expect_e4m3(codes, read_back<std::uint8_t>(out.as<void>(), codes.size()));
        EXPECT_EQ(read_back<std::uint32_t>(out_scales.as<void>(), scales.size()), scales);
      }
    }
  }
}

float scale_of(Quantize quantize, const std::vector<std::uint32_t>& scales, std::size_t first, std::size_t block) {
  if (quantize != Quantize::kFp8Ue8m0) return std::bit_cast<float>(scales[first + block]);
  return std::bit_cast<float>((scales[first + block / 4] >> (8 * (block % 4)) & 0xFFU) << 23);
}

void expect_numbers(const std::vector<float>& expected, DType dtype, const void* device) {
  std::vector<std::byte> stored(expected.size() * size_of(dtype));
  core::store_row(stored.data(), dtype, expected.size(), expected.data());
  const auto got = read_back<std::byte>(device, stored.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const float want = core::load_element(stored.data(), dtype, i);
    const float have = core::load_element(got.data(), dtype, i);
    ASSERT_TRUE((want != want && have != have) ||
                std::bit_cast<std::uint32_t>(want) == std::bit_cast<std::uint32_t>(have))
        << i << ": expected " << want << ", got " << have;
  }
}

TEST_F(Cast, RestoredRowsAreCodeTimesScaleRoundedOnce) {
  for (const DType dtype : kDTypes) {
    for (const Quantize quantize : kQuantizes) {
      const int rows = 19;
      const int hidden = 1152;
      const auto words = static_cast<std::size_t>(core::scale_words(hidden, quantize));
      std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * hidden));
      for (auto& code : codes) code = static_cast<std::uint8_t>(random_());
      std::vector<std::uint32_t> scales(rows * words);
      for (auto& word : scales) {
        word = quantize == Quantize::kFp8Ue8m0 ? 0x7070'7070U + (static_cast<std::uint32_t>(random_()) & 0x0F0F'0F0FU)
                                               : std::bit_cast<std::uint32_t>(std::exp2(draw_value(random_)));
      }
      std::vector<float> expected;
      for (std::size_t i = 0; i < codes.size(); ++i) {
        const std::size_t row = i / hidden;
        expected.push_back(core::float_from_e4m3(codes[i]) *
                           scale_of(quantize, scales, row * words, i % hidden / kQuantBlock));
      }
      const DeviceBuffer x = DeviceBuffer::copy_of(codes);
      const DeviceBuffer device_scales = DeviceBuffer::copy_of(scales);
      const DeviceBuffer out(codes.size() * 4);
      kernels::launch_restore({.x = x.as<std::uint8_t>(),
                               .scales = device_scales.as<std::uint32_t>(),
                               .scale_row_stride = static_cast<std::int64_t>(words),
                               .num_rows = rows,
                               .hidden = hidden,
                               .quantize = quantize,
                               .dtype = dtype,
                               .out = out.as<std::byte>()},
                              kSms, nullptr);
      expect_numbers(expected, dtype, out.as<void>());
    }
  }
}

TEST_F(Cast, TransposedScalesLeaveTheGapAlone) {
  for (const std::int64_t rows : {0, 1, 31, 129, 1000}) {
    for (const int words : {1, 7, 33, 56}) {
      const std::int64_t stride = (rows + 13) / 4 * 4;
      std::vector<std::uint32_t> from(static_cast<std::size_t>((rows + 2) * words));
      for (auto& word : from) word = static_cast<std::uint32_t>(random_());
      std::vector<std::uint32_t> expected(static_cast<std::size_t>(stride * words), 0xA5A5'A5A5U);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (int word = 0; word < words; ++word) {
          expected[static_cast<std::size_t>(word * stride + row)] = from[static_cast<std::size_t>(row * words + word)];
        }
      }
      const DeviceBuffer device_from = DeviceBuffer::copy_of(from);
      const DeviceBuffer num_rows = DeviceBuffer::copy_of(std::vector<std::int64_t>{rows});
      const DeviceBuffer to(4 * expected.size());
      poison(to.as<void>(), 4 * expected.size());
      kernels::launch_transpose_scales({.from = device_from.as<std::uint32_t>(),
                                        .to = to.as<std::uint32_t>(),
                                        .words = words,
                                        .word_stride = stride,
                                        .num_rows = num_rows.as<std::int64_t>()},
                                       kSms, nullptr);
      EXPECT_EQ(read_back<std::uint32_t>(to.as<void>(), expected.size()), expected);
    }
  }
}

TEST_F(Cast, CopiedRowsEndWhereTheGpuSays) {
  for (const std::int64_t rows : {0, 1, 100, 777}) {
    const std::int64_t row_bytes = 16 * 13;
    std::vector<std::byte> from(static_cast<std::size_t>((rows + 3) * row_bytes));
    for (auto& byte : from) byte = static_cast<std::byte>(random_());
    std::vector<std::byte> expected(from.size(), reference::kPoison);
    std::copy_n(from.begin(), rows * row_bytes, expected.begin());
    const DeviceBuffer device_from = DeviceBuffer::copy_of(from);
    const DeviceBuffer num_rows = DeviceBuffer::copy_of(std::vector<std::int64_t>{rows});
    const DeviceBuffer to(from.size());
    poison(to.as<void>(), from.size());
    kernels::launch_copy_rows({.from = device_from.as<std::byte>(),
                               .to = to.as<std::byte>(),
                               .row_bytes = row_bytes,
                               .num_rows = num_rows.as<std::int64_t>()},
                              kSms, nullptr);
    expect_bytes(expected, to.as<void>(), "copied rows", 0);
  }
}

}  // namespace
}  // namespace crossdock::gpu
