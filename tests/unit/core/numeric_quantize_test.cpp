#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/numeric/convert.hpp"
#include "core/numeric/fp8.hpp"
#include "core/numeric/quantize.hpp"

namespace crossdock::core {
namespace {

constexpr std::array kMade{Quantize::kFp8, Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0};

struct Quantised {
  std::vector<std::uint8_t> values;
  std::vector<std::uint32_t> words;

  float scale(std::size_t index) const { return std::bit_cast<float>(words[index]); }
};

Quantised quantise(const std::vector<float>& row, Quantize quantize) {
  const auto hidden = static_cast<int>(row.size());
  Quantised out{.values = std::vector<std::uint8_t>(row.size()),
                .words = std::vector<std::uint32_t>(scale_words(hidden, quantize), 0xA5A5'A5A5U)};
  quantize_row(row.data(), DType::kFp32, hidden, quantize, out.values.data(), out.words.data());
  return out;
}

std::vector<float> block_of(std::initializer_list<float> first) {
  std::vector<float> row(kQuantBlock, 0.0F);
  std::copy(first.begin(), first.end(), row.begin());
  return row;
}

TEST(BlockScale, KnownValues) {
  EXPECT_EQ(block_scale(448.0F, Quantize::kFp8).scale, 1.0F);
  EXPECT_EQ(block_scale(448.0F, Quantize::kFp8).multiplier, 1.0F);
  EXPECT_EQ(block_scale(3.0F, Quantize::kFp8).scale, 3.0F / 448.0F);
  EXPECT_EQ(block_scale(3.0F, Quantize::kFp8).multiplier, 448.0F / 3.0F);
  EXPECT_EQ(block_scale(0.0F, Quantize::kFp8).scale, 1e-4F / 448.0F);
  EXPECT_EQ(block_scale(0.0F, Quantize::kFp8).multiplier, 448.0F / 1e-4F);
}

TEST(BlockScale, PowerOfTwoIsTheNextOneOrTheSame) {
  for (const Quantize quantize : {Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0}) {
    EXPECT_EQ(block_scale(448.0F, quantize).scale, 1.0F);
    EXPECT_EQ(block_scale(448.0F, quantize).exponent, 127);
    EXPECT_EQ(block_scale(std::nextafter(448.0F, 1e9F), quantize).scale, 2.0F);
    EXPECT_EQ(block_scale(449.0F, quantize).scale, 2.0F);
    EXPECT_EQ(block_scale(449.0F, quantize).multiplier, 0.5F);
    EXPECT_EQ(block_scale(449.0F, quantize).exponent, 128);
    EXPECT_EQ(block_scale(1.0F, quantize).scale, 0x1p-8F);  // 1 / 448 is of (2^-9, 2^-8)
    EXPECT_EQ(block_scale(1.0F, quantize).multiplier, 256.0F);
    EXPECT_EQ(block_scale(1.0F, quantize).exponent, 119);
  }
}

TEST(BlockScale, PowerOfTwoCoversEveryAmax) {
  std::mt19937 random(11);
  for (int i = 0; i < 100'000; ++i) {
    const float amax = std::bit_cast<float>(static_cast<std::uint32_t>(random()) % 0x7F80'0000U);
    const BlockScale block = block_scale(amax, Quantize::kFp8PowerOfTwo);
    const float exact = std::max(amax, 1e-4F) / 448.0F;
    ASSERT_GE(block.scale, exact);
    ASSERT_LT(block.scale / 2, exact);
    ASSERT_EQ(block.scale, std::ldexp(1.0F, block.exponent - 127));
    ASSERT_EQ(block.multiplier, std::ldexp(1.0F, 127 - block.exponent));
  }
}

TEST(BlockScale, ExtremesStayNormal) {
  const float largest = std::numeric_limits<float>::max();
  for (const Quantize quantize : kMade) {
    for (const float amax : {0.0F, std::numeric_limits<float>::denorm_min(), 1e-4F, largest}) {
      const BlockScale block = block_scale(amax, quantize);
      EXPECT_TRUE(std::isnormal(block.scale)) << amax;
      EXPECT_TRUE(std::isnormal(block.multiplier)) << amax;
    }
  }
  EXPECT_EQ(block_scale(0.0F, Quantize::kFp8Ue8m0).exponent, 105);     // 1e-4 / 448 is of (2^-23, 2^-22]
  EXPECT_EQ(block_scale(largest, Quantize::kFp8Ue8m0).exponent, 247);  // 2^128 / 448 is of (2^119, 2^120]
}

TEST(FiniteAmax, SkipsInfinityAndNanInEveryType) {
  const std::vector<float> values{1.0F, -7.5F, INFINITY, std::nanf(""), 2.0F, -INFINITY, -0.0F};
  for (const DType dtype : {DType::kBf16, DType::kFp16, DType::kFp32}) {
    std::vector<std::byte> row(values.size() * 4);
    store_row(row.data(), dtype, values.size(), values.data());
    EXPECT_EQ(finite_amax(row.data(), dtype, 0, values.size()), 7.5F);
    EXPECT_EQ(finite_amax(row.data(), dtype, 2, 3), 2.0F);
    EXPECT_EQ(finite_amax(row.data(), dtype, 2, 2), 0.0F);
  }
  std::vector<float> blocks(300, 0.25F);
  blocks[299] = -3.0F;
  EXPECT_EQ(finite_amax(blocks.data(), DType::kFp32, 0, 300), 3.0F);
  EXPECT_EQ(finite_amax(blocks.data(), DType::kFp32, 0, 299), 0.25F);
}

TEST(QuantizeRow, ScaleWordsCountBlocks) {
  EXPECT_EQ(scale_words(1280, Quantize::kNone), 0);
  EXPECT_EQ(scale_words(1280, Quantize::kFp8), 10);
  EXPECT_EQ(scale_words(1280, Quantize::kFp8PowerOfTwo), 10);
  EXPECT_EQ(scale_words(1280, Quantize::kFp8Ue8m0), 3);
  EXPECT_EQ(scale_words(1024, Quantize::kFp8Ue8m0), 2);
  EXPECT_EQ(scale_dtype(Quantize::kFp8), DType::kFp32);
  EXPECT_EQ(scale_dtype(Quantize::kFp8Ue8m0), DType::kInt32);
}

TEST(QuantizeRow, KnownBlock) {
  // amax 448: the multiplier is 1 and the bytes are e4m3 of the values.
  const Quantised out = quantise(block_of({448.0F, -1.0F, 17.0F, 0.0F, -0.0F, 0x1p-9F}), Quantize::kFp8);
  EXPECT_EQ(out.scale(0), 1.0F);
  const std::vector<std::uint8_t> expected{0x7E, 0xB8, 0x58, 0x00, 0x80, 0x01};
  EXPECT_EQ(std::vector<std::uint8_t>(out.values.begin(), out.values.begin() + 6), expected);
}

TEST(QuantizeRow, InfinityAndNanLeaveTheScaleAlone) {
  for (const Quantize quantize : kMade) {
    const Quantised out = quantise(block_of({INFINITY, -INFINITY, std::nanf(""), 448.0F}), quantize);
    const std::vector<std::uint8_t> expected{0x7E, 0xFE, 0x7F, 0x7E};
    EXPECT_EQ(std::vector<std::uint8_t>(out.values.begin(), out.values.begin() + 4), expected);
    EXPECT_EQ(out.words[0], quantize == Quantize::kFp8Ue8m0 ? 127U : std::bit_cast<std::uint32_t>(1.0F));
  }
}

TEST(QuantizeRow, TinyAndHugeBlocks) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float largest = std::numeric_limits<float>::max();
  const Quantised zero = quantise(block_of({tiny, -tiny}), Quantize::kFp8);
  EXPECT_EQ(zero.values[0], 0x00);  // 448 / 1e-4 does not lift it to the smallest e4m3
  EXPECT_EQ(zero.values[1], 0x80);
  EXPECT_EQ(zero.scale(0), 1e-4F / 448.0F);
  const Quantised huge = quantise(block_of({largest, -largest, largest / 2}), Quantize::kFp8);
  EXPECT_EQ(huge.values[0], 0x7E);
  EXPECT_EQ(huge.values[1], 0xFE);
  EXPECT_EQ(huge.values[2], 0x76);  // 224
  const Quantised huge_power = quantise(block_of({largest}), Quantize::kFp8PowerOfTwo);
  EXPECT_EQ(huge_power.scale(0), 0x1p120F);
  EXPECT_EQ(huge_power.values[0], 0x78);  // 2^128 / 2^120 = 256
}

TEST(QuantizeRow, Ue8m0PacksFourExponentsAndZeroesTheRest) {
  std::vector<float> row(std::size_t{5} * kQuantBlock, 0.0F);
  for (std::size_t block = 0; block < 5; ++block)
    row[block * kQuantBlock] = std::ldexp(448.0F, static_cast<int>(block));
  const Quantised out = quantise(row, Quantize::kFp8Ue8m0);
  ASSERT_EQ(out.words.size(), 2U);
  EXPECT_EQ(out.words[0], 0x8281'807FU);
  EXPECT_EQ(out.words[1], 0x0000'0083U);
}

TEST(QuantizeRow, FollowsTheFormulaForRandomRowsOfEveryType) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const DType dtype : {DType::kBf16, DType::kFp16, DType::kFp32}) {
    for (const Quantize quantize : kMade) {
      const std::size_t hidden = 384;
      std::vector<float> values(hidden);
      for (float& value : values) value = round_to(dtype, normal(random) * 3.0F);
      std::vector<std::byte> row(hidden * 4);
      store_row(row.data(), dtype, hidden, values.data());
      std::vector<std::uint8_t> out(hidden);
      std::vector<std::uint32_t> words(3);
      quantize_row(row.data(), dtype, hidden, quantize, out.data(), words.data());
      for (std::size_t i = 0; i < hidden; ++i) {
        float amax = 0;
        for (std::size_t j = i / 128 * 128; j < i / 128 * 128 + 128; ++j) amax = std::max(amax, std::abs(values[j]));
        int exponent = 0;  // smallest 2^exponent not below amax / 448
        while (std::ldexp(1.0F, exponent) < amax / 448.0F) ++exponent;
        while (std::ldexp(1.0F, exponent - 1) >= amax / 448.0F) --exponent;
        const float multiplier = quantize == Quantize::kFp8 ? 448.0F / amax : std::ldexp(1.0F, -exponent);
        ASSERT_EQ(out[i], e4m3_from_float(values[i] * multiplier)) << name_of(dtype) << " " << name_of(quantize) << i;
        if (quantize == Quantize::kFp8Ue8m0) {
          ASSERT_EQ((words[0] >> (8 * (i / 128))) & 0xFFU, static_cast<std::uint32_t>(exponent + 127));
        } else {
          ASSERT_EQ(std::bit_cast<float>(words[i / 128]),
                    quantize == Quantize::kFp8 ? amax / 448.0F : std::ldexp(1.0F, exponent));
        }
      }
    }
  }
}

}  // namespace
}  // namespace crossdock::core
