// Every SIMD target against the plain code, bit for bit.
#include "cpu/fast/row_kernels.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/numeric/convert.hpp"
#include "core/numeric/quantize.hpp"
#include "cpu/fast/plain_sum.hpp"
#include "cpu/fast/reduce.hpp"

namespace crossdock::cpu {
namespace {

/// Runs the test body once a target that this machine has: SSE4, AVX2, AVX-512 and what else there is.
class EachTarget : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().Update(GetParam());
  }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

std::vector<std::int64_t> targets_of_this_machine() {
  std::vector<std::int64_t> targets;
  const std::int64_t all = hwy::SupportedTargets() & HWY_TARGETS;
  for (std::int64_t bit = 1; bit != 0 && bit <= all; bit <<= 1) {
    if ((all & bit) != 0) targets.push_back(bit);
  }
  return targets;
}

INSTANTIATE_TEST_SUITE_P(Simd, EachTarget, testing::ValuesIn(targets_of_this_machine()),
                         [](const auto& target) { return std::string(hwy::TargetName(target.param)); });

std::vector<float> odd_floats(std::size_t count, std::uint_fast32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 30.0F);
  std::vector<float> values(count);
  for (float& value : values) {
    value = random() % 4 == 0 ? std::bit_cast<float>(static_cast<std::uint32_t>(random())) : normal(random);
  }
  return values;
}

std::vector<std::byte> stored_as(DType dtype, const std::vector<float>& values) {
  std::vector<std::byte> row(values.size() * size_of(dtype));
  core::store_row(row.data(), dtype, values.size(), values.data());
  return row;
}

/// NaNs are equal whatever their payload.
void expect_same_values(const std::vector<std::byte>& got, const std::vector<std::byte>& want, DType dtype) {
  for (std::size_t i = 0; i < want.size() / size_of(dtype); ++i) {
    const float g = core::load_element(got.data(), dtype, i);
    const float w = core::load_element(want.data(), dtype, i);
    const bool same =
        std::isnan(w) ? std::isnan(g) : std::bit_cast<std::uint32_t>(g) == std::bit_cast<std::uint32_t>(w);
    ASSERT_TRUE(same) << "element " << i << ": got " << g << ", want " << w;
  }
}

TEST_P(EachTarget, IsTheOneThatServes) { EXPECT_STREQ(simd_target(), hwy::TargetName(GetParam())); }

void expect_quantized_alike(const std::vector<std::byte>& row, DType dtype, int hidden, Quantize quantize) {
  const auto words = static_cast<std::size_t>(core::scale_words(hidden, quantize));
  std::vector<std::uint8_t> memory(2 * hidden + 64), want(hidden);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  auto* aligned = reinterpret_cast<std::byte*>(memory.data()) + (64 - address % 64) % 64;
  std::byte* const outs[] = {aligned, aligned + hidden};
  std::vector<std::uint32_t> got_scales(words, 0xAAAAAAAA), want_scales(words, 0x55555555);
  quantize_row_simd(row.data(), dtype, hidden, quantize, outs, got_scales.data(), /*stream=*/hidden % 256 == 0);
  order_streamed_stores();
  EXPECT_EQ(std::memcmp(outs[0], outs[1], static_cast<std::size_t>(hidden)), 0);
  const auto* got = reinterpret_cast<const std::uint8_t*>(aligned);
  core::quantize_row(row.data(), dtype, hidden, quantize, want.data(), want_scales.data());
  EXPECT_EQ(got_scales, want_scales);
  for (int i = 0; i < hidden; ++i) {
    const bool both_nan = (got[i] & 0x7F) == 0x7F && (want[i] & 0x7F) == 0x7F;
    ASSERT_TRUE(both_nan || got[i] == want[i])
        << name_of(quantize) << " element " << i << " of " << core::load_element(row.data(), dtype, i) << ": got "
        << int{got[i]} << ", want " << int{want[i]};
  }
}

constexpr Quantize kAllQuantize[] = {Quantize::kFp8, Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0};

TEST_P(EachTarget, QuantizesRandomRows) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const std::vector<float> values = odd_floats(7 * kQuantBlock, seed);
    for (const DType dtype : {DType::kBf16, DType::kFp32}) {
      for (const Quantize quantize : kAllQuantize) {
        expect_quantized_alike(stored_as(dtype, values), dtype, 7 * kQuantBlock, quantize);
        expect_quantized_alike(stored_as(dtype, values), dtype, 6 * kQuantBlock, quantize);
      }
    }
  }
}

TEST_P(EachTarget, QuantizesFiniteRows) {
  // Magnitudes of a block spread from its largest one down to far below the least subnormal.
  constexpr int kHidden = 70 * kQuantBlock;
  std::mt19937 random(3);
  std::vector<float> values(kHidden);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int block = static_cast<int>(i / kQuantBlock);
      const float mantissa = 1.0F + static_cast<float>(random() % 256) / 256.0F;
      const float magnitude = std::ldexp(mantissa, block - 35 - static_cast<int>(random() % 24));
      values[i] = random() % 2 == 0 ? magnitude : -magnitude;
    }
    for (const DType dtype : {DType::kBf16, DType::kFp32}) {
      for (const Quantize quantize : kAllQuantize) {
        expect_quantized_alike(stored_as(dtype, values), dtype, kHidden, quantize);
      }
    }
  }
}

TEST_P(EachTarget, QuantizesRowsWithOneOddValue) {
  constexpr float kOdd[] = {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
  constexpr int kBlocks = 70;
  for (int block = 0; block < kBlocks; ++block) {
    std::vector<float> values(kBlocks * kQuantBlock, 1.5F);
    values[static_cast<std::size_t>(block) * kQuantBlock + 77] =
        block % 2 == 0 ? kOdd[block / 2 % 2] : -kOdd[block / 2 % 2];
    for (const DType dtype : {DType::kBf16, DType::kFp32}) {
      expect_quantized_alike(stored_as(dtype, values), dtype, kBlocks * kQuantBlock, Quantize::kFp8);
    }
  }
}

TEST_P(EachTarget, QuantizesEveryBf16Pattern) {
  std::vector<std::uint16_t> patterns(1 << 16);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  std::vector<std::byte> row(patterns.size() * 2);
  std::memcpy(row.data(), patterns.data(), row.size());
  for (const Quantize quantize : kAllQuantize) {
    expect_quantized_alike(row, DType::kBf16, static_cast<int>(patterns.size()), quantize);
  }
}

TEST_P(EachTarget, RoundsToE4m3LikeThePlainCode) {
  // A block whose largest magnitude is 448 has the power-of-two scale 1: its values are converted as they are.
  std::mt19937 random(1);
  std::vector<float> values(kQuantBlock * 64);
  for (int round = 0; round < 50; ++round) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int exponent = static_cast<int>(random() % 22) - 14;
      const float magnitude = std::ldexp(1.0F + static_cast<float>(random() % (1U << 23)) * 0x1p-23F, exponent);
      values[i] = i % kQuantBlock == 0 ? 448.0F : std::min(magnitude, 448.0F) * (random() % 2 == 0 ? 1.0F : -1.0F);
      if (random() % 8 == 0) {  // halfway between two neighbours
        values[i] = std::bit_cast<float>((std::bit_cast<std::uint32_t>(values[i]) & 0xFFF0'0000U) | 0x0008'0000U);
      }
      if (std::abs(values[i]) > 448.0F) values[i] = 448.0F;
    }
    expect_quantized_alike(stored_as(DType::kFp32, values), DType::kFp32, static_cast<int>(values.size()),
                           Quantize::kFp8PowerOfTwo);
  }
}

TEST_P(EachTarget, CopiesRows) {
  std::mt19937 random(2);
  for (const std::size_t bytes : {16U, 48U, 64U, 1040U, 14336U}) {
    std::vector<std::byte> row(bytes);
    for (std::byte& value : row) value = static_cast<std::byte>(random());
    for (const bool stream : {false, true}) {
      for (const std::size_t shift : {0U, 16U}) {
        std::vector<std::vector<std::byte>> memory(3, std::vector<std::byte>(bytes + 256, std::byte{0xA5}));
        std::vector<std::byte*> outs;
        for (auto& out : memory) {
          const auto address = reinterpret_cast<std::uintptr_t>(out.data());
          outs.push_back(out.data() + (64 - address % 64) % 64 + shift);
        }
        copy_row(row.data(), bytes, outs, stream);
        order_streamed_stores();
        for (const std::byte* out : outs) {
          EXPECT_EQ(std::memcmp(out, row.data(), bytes), 0);
          EXPECT_EQ(out[bytes], std::byte{0xA5});
        }
      }
    }
  }
}

/// A random reduction of one token, by the SIMD kernels and by the plain code.
class SumCase {
 public:
  SumCase(unsigned seed, DType row, DType wire, DType out) : random_(seed) {
    hidden_ = 16 + 4 * static_cast<int>(random_() % 40);
    tree_ = static_cast<ReductionTree>(random_() % 3);
    weighted_ = random_() % 2 == 0;
    job_ = {.topology = {.num_ranks = 8, .ranks_per_node = 2},
            .tree = tree_,
            .row_dtype = row,
            .wire_dtype = wire,
            .hidden = hidden_};
    add_terms(row);
    if (random_() % 2 == 0) bias_ = stored_as(DType::kBf16, odd_floats(static_cast<std::size_t>(hidden_), random_()));
    y_.resize(static_cast<std::size_t>(hidden_) * size_of(out));
    job_.y = dense_view(static_cast<void*>(y_.data()), out, {1, hidden_});
    if (!bias_.empty()) job_.bias0 = dense_view(static_cast<const void*>(bias_.data()), DType::kBf16, {1, hidden_});
    if (weighted_) job_.weights = &kAnyWeight;
  }

  void expect_same() {
    PlainSum(job_).store(0, terms_);
    const std::vector<std::byte> want = y_;
    std::fill(y_.begin(), y_.end(), std::byte{0xA5});
    run_simd();
    expect_same_values(y_, want, job_.y.dtype);
  }

 private:
  void add_terms(DType dtype) {
    const int count = static_cast<int>(random_() % 9);
    int rank = 0;
    for (int i = 0; i < count; ++i) {
      rows_.push_back(stored_as(dtype, odd_floats(static_cast<std::size_t>(hidden_), random_())));
      const float weight = static_cast<float>(random_() % 1000) / 512.0F;
      const int next = rank + (rank < 7 ? static_cast<int>(random_() % 2) : 0);
      const bool last = i + 1 == count;
      terms_.push_back({.row = nullptr,
                        .weight = weighted_ ? weight : 1.0F,
                        .ends_rank = last || next != rank,
                        .ends_node = last || next / 2 != rank / 2});
      rank = next;
    }
    for (std::size_t i = 0; i < terms_.size(); ++i) terms_[i].row = rows_[i].data();
  }

  void run_simd() {
    sum_rows_simd({.terms = terms_,
                   .weighted = weighted_,
                   .per_selection = tree_ == ReductionTree::kPerSelection,
                   .hierarchical = tree_ == ReductionTree::kHierarchical,
                   .row_dtype = job_.row_dtype,
                   .wire_dtype = job_.wire_dtype,
                   .out_dtype = job_.y.dtype,
                   .bias0_dtype = DType::kBf16,
                   .bias0 = bias_.empty() ? nullptr : bias_.data(),
                   .out = y_.data(),
                   .hidden = static_cast<std::size_t>(hidden_),
                   .stream = hidden_ % 32 == 0});
    order_streamed_stores();
  }

  static constexpr float kAnyWeight = 1.0F;  // the terms carry theirs; this only says that there are some

  std::mt19937 random_;
  int hidden_ = 0;
  ReductionTree tree_ = ReductionTree::kPerRank;
  bool weighted_ = false;
  std::vector<std::vector<std::byte>> rows_;
  std::vector<SumTerm> terms_;
  std::vector<std::byte> bias_;
  std::vector<std::byte> y_;
  ReduceJob job_;
};

TEST_P(EachTarget, SumsLikeThePlainCode) {
  constexpr DType kTypes[] = {DType::kBf16, DType::kFp32};
  for (unsigned seed = 0; seed < 100; ++seed) {
    for (const DType row : kTypes) {
      for (const DType wire : kTypes) {
        for (const DType out : kTypes) SumCase(seed, row, wire, out).expect_same();
      }
    }
  }
}

}  // namespace
}  // namespace crossdock::cpu
