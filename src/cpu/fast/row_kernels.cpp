#include "cpu/fast/row_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/numeric/quantize.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/fast/row_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // compiles this file once a target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace crossdock::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Words = hn::ScalableTag<std::uint32_t>;
using Ints = hn::ScalableTag<std::int32_t>;
using Halves = hn::Rebind<std::uint16_t, Words>;

// ---- copies

/// A vector to every output.
template <bool kStream, class V>
HWY_INLINE void put(V value, std::span<std::byte* const> outs, std::size_t i) {
  const hn::ScalableTag<std::uint8_t> d;
  for (std::byte* out : outs) {
    auto* to = reinterpret_cast<std::uint8_t*>(out) + i;
    if constexpr (kStream) {
      hn::Stream(value, d, to);
    } else {
      hn::StoreU(value, d, to);
    }
  }
}

/// True where every output may be streamed to.
bool is_aligned(std::span<std::byte* const> outs) {
  const std::size_t vector = hn::Lanes(hn::ScalableTag<std::uint8_t>());
  return std::ranges::all_of(outs,
                             [&](const std::byte* out) { return reinterpret_cast<std::uintptr_t>(out) % vector == 0; });
}

/// Outputs at once, vector by vector: the row is read once.
template <bool kStream>
void copy_all(const std::byte* row, std::size_t bytes, std::span<std::byte* const> outs) {
  const hn::ScalableTag<std::uint8_t> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= bytes; i += lanes) {
    put<kStream>(hn::LoadU(d, reinterpret_cast<const std::uint8_t*>(row) + i), outs, i);
  }
  for (std::byte* out : outs) std::memcpy(out + i, row + i, bytes - i);
}

void CopyRow(const std::byte* row, std::size_t bytes, std::span<std::byte* const> outs, bool stream) {
  stream&& is_aligned(outs) ? copy_all<true>(row, bytes, outs) : copy_all<false>(row, bytes, outs);
}

// ---- number formats: integer arithmetic, as in core/numeric

template <DType kType>
HWY_INLINE auto load(const std::byte* row, std::size_t i) {
  const Floats d;
  if constexpr (kType == DType::kFp32) {
    return hn::LoadU(d, reinterpret_cast<const float*>(row) + i);
  } else {
    const auto bits = hn::LoadU(Halves(), reinterpret_cast<const std::uint16_t*>(row) + i);
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(Words(), bits)));
  }
}

/// The upper halves are the bf16 bits, to nearest even; the lower ones are of no meaning.
template <class V>
HWY_INLINE auto bf16_bits(V value) {
  const Words w;
  const auto bits = hn::BitCast(w, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(w, 1U));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(w, 0x7FFFU)), odd);
  const auto quiet = hn::Or(bits, hn::Set(w, 0x0040'0000U));
  return hn::IfThenElse(hn::RebindMask(w, hn::IsNaN(value)), quiet, rounded);
}

template <class V>
HWY_INLINE V round_to_bf16(V value) {
  return hn::BitCast(Floats(), hn::And(bf16_bits(value), hn::Set(Words(), 0xFFFF'0000U)));
}

template <DType kType, class V>
HWY_INLINE V round_to(V value) {
  if constexpr (kType == DType::kFp32) {
    return value;
  } else {
    return round_to_bf16(value);
  }
}

template <class V>
HWY_INLINE void store(V value, const SumJob& job, std::size_t i) {
  if (job.out_dtype == DType::kFp32) {
    auto* to = reinterpret_cast<float*>(job.out) + i;
    job.stream ? hn::Stream(value, Floats(), to) : hn::StoreU(value, Floats(), to);
  } else {
    auto* to = reinterpret_cast<std::uint16_t*>(job.out) + i;
    const auto bits = hn::DemoteTo(Halves(), hn::BitCast(Ints(), hn::ShiftRight<16>(bf16_bits(value))));
    job.stream ? hn::Stream(bits, Halves(), to) : hn::StoreU(bits, Halves(), to);
  }
}

/// e4m3fn in the low byte of each lane.
template <class V>
HWY_INLINE auto e4m3_bits(V value) {
  const Words w;
  const Floats d;
  const auto bits = hn::BitCast(w, value);
  const auto sign = hn::And(hn::ShiftRight<24>(bits), hn::Set(w, 0x80U));
  const auto is_nan = hn::RebindMask(w, hn::IsNaN(value));
  const auto magnitude =
      hn::Min(hn::And(bits, hn::Set(w, 0x7FFF'FFFFU)), hn::Set(w, std::bit_cast<std::uint32_t>(448.0F)));
  // Normal: 3 mantissa bits stay, exponent bias 127 becomes 7.
  const auto odd = hn::And(hn::ShiftRight<20>(magnitude), hn::Set(w, 1U));
  const auto rounded = hn::Add(hn::Add(magnitude, hn::Set(w, 0x7'FFFFU)), odd);
  const auto normal = hn::Sub(hn::ShiftRight<20>(rounded), hn::Set(w, (127U - 7U) << 3));
  // Subnormal: whole multiples of 2^-9. Added to 2^14, whose last mantissa bit is 2^-9, the sum rounds to them.
  const auto shifted = hn::Add(hn::BitCast(d, magnitude), hn::Set(d, 16384.0F));
  const auto subnormal = hn::Sub(hn::BitCast(w, shifted), hn::Set(w, std::bit_cast<std::uint32_t>(16384.0F)));
  const auto is_small = hn::Lt(hn::BitCast(Ints(), magnitude), hn::Set(Ints(), std::bit_cast<std::int32_t>(0x1p-6F)));
  const auto finite = hn::IfThenElse(hn::RebindMask(w, is_small), subnormal, normal);
  return hn::Or(sign, hn::IfThenElse(is_nan, hn::Set(w, 0x7FU), finite));
}

// ---- quantisation

/// Magnitudes of a block as integers, whose order is that of the numbers.
struct BlockAmax {
  float finite = 0;  ///< the largest finite one
  bool all_finite = true;
};

template <DType kType>
BlockAmax amax_of_block(const std::byte* row, std::size_t begin) {
  const Ints n;
  const auto magnitude = [&](std::size_t i) {
    return hn::And(hn::BitCast(n, load<kType>(row, begin + i)), hn::Set(n, 0x7FFF'FFFF));
  };
  auto largest = hn::Zero(n);
  for (std::size_t i = 0; i < kQuantBlock; i += hn::Lanes(n)) largest = hn::Max(largest, magnitude(i));
  const auto all = hn::GetLane(hn::MaxOfLanes(n, largest));
  if (all < 0x7F80'0000) return {.finite = std::bit_cast<float>(all)};
  largest = hn::Zero(n);
  for (std::size_t i = 0; i < kQuantBlock; i += hn::Lanes(n)) {
    const auto bits = magnitude(i);
    largest = hn::Max(largest, hn::IfThenElseZero(hn::Lt(bits, hn::Set(n, 0x7F80'0000)), bits));
  }
  return {.finite = std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(n, largest))), .all_finite = false};
}

/// bf16 has the same order in 16 bits: twice the lanes, no widening.
template <>
BlockAmax amax_of_block<DType::kBf16>(const std::byte* row, std::size_t begin) {
  const hn::ScalableTag<std::int16_t> n;
  const auto* from = reinterpret_cast<const std::int16_t*>(row) + begin;
  const auto magnitude = [&](std::size_t i) {
    return hn::And(hn::LoadU(n, from + i), hn::Set(n, std::int16_t{0x7FFF}));
  };
  auto largest = hn::Zero(n);
  for (std::size_t i = 0; i < kQuantBlock; i += hn::Lanes(n)) largest = hn::Max(largest, magnitude(i));
  const auto widened = [](std::int16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); };
  const std::int16_t all = hn::GetLane(hn::MaxOfLanes(n, largest));
  if (all < 0x7F80) return {.finite = widened(all)};
  largest = hn::Zero(n);
  for (std::size_t i = 0; i < kQuantBlock; i += hn::Lanes(n)) {
    const auto bits = magnitude(i);
    largest = hn::Max(largest, hn::IfThenElseZero(hn::Lt(bits, hn::Set(n, std::int16_t{0x7F80})), bits));
  }
  return {.finite = widened(hn::GetLane(hn::MaxOfLanes(n, largest))), .all_finite = false};
}

/// e4m3 of values whose magnitude is at most 448 and an ulp, but for the sign, in the low byte. Let the value's
/// exponent be e >= -6 (smaller ones count as -6). Added to 2^(e + 20), whose last mantissa bit is 2^(e - 3), it rounds
/// to nearest even there, and the low byte holds it in units of that bit: 8 to 16, or 0 to 8 where subnormal. The code
/// is these plus 8 (e + 6), which is Emax >> 20 less 968; modulo 256 that is 56 more, which the addend carries (even,
/// so that ties stay).
template <class V>
HWY_INLINE auto e4m3_magnitude(V magnitude) {
  const Words w;
  const auto exponent = hn::And(hn::BitCast(w, magnitude), hn::Set(w, 0x7F80'0000U));
  const auto clamped = hn::Max(exponent, hn::Set(w, (127U - 6U) << 23));
  const auto addend = hn::Add(clamped, hn::Set(w, (20U << 23) + 56U));
  const auto sum = hn::Add(magnitude, hn::BitCast(Floats(), addend));
  return hn::Add(hn::BitCast(w, sum), hn::ShiftRight<20>(clamped));
}

/// Blocks that are searched, then scaled, then converted: so that a block's search need not end before the next begins.
constexpr std::size_t kBlocksAtOnce = 64;
using Scales = std::array<core::BlockScale, kBlocksAtOnce>;

/// e4m3 codes of the next vector of bytes' worth of values, all finite: the multiplier keeps them within the range.
template <DType kType, class V>
HWY_INLINE auto finite_codes(const std::byte* row, std::size_t i, V factor) {
  const hn::ScalableTag<std::uint8_t> bytes;
  const Words w;
  const std::size_t lanes = hn::Lanes(w);
  const auto code = [&](std::size_t part) {
    const auto value = load<kType>(row, i + part * lanes);
    const auto magnitude = e4m3_magnitude(hn::Mul(hn::Abs(value), factor));
    return hn::OrAnd(magnitude, hn::ShiftRight<24>(hn::BitCast(w, value)), hn::Set(w, 0x80U));
  };
#if HWY_TARGET == HWY_SCALAR
  return hn::TruncateTo(bytes, code(0));
#else
  const hn::ScalableTag<std::uint16_t> halves;
  const auto low = hn::ConcatEven(halves, hn::BitCast(halves, code(1)), hn::BitCast(halves, code(0)));
  const auto high = hn::ConcatEven(halves, hn::BitCast(halves, code(3)), hn::BitCast(halves, code(2)));
  return hn::ConcatEven(bytes, hn::BitCast(bytes, high), hn::BitCast(bytes, low));
#endif
}

/// Rows of tokens lie one behind the other as a rule; a wrong guess only costs the fetch.
HWY_INLINE void prefetch_bytes(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  for (std::size_t i = 0; i < bytes; i += kLine) hwy::Prefetch(from + i);
}

template <DType kType, bool kStream>
void quantize_finite_blocks(const std::byte* row, std::size_t count, const Scales& scales,
                            std::span<std::byte* const> outs, std::size_t at, std::size_t row_bytes) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<std::uint8_t>());
  const std::byte* next_row = row + row_bytes;
  for (std::size_t i = 0; i < count * kQuantBlock; i += lanes) {
    prefetch_bytes(next_row + i * size_of(kType), lanes * size_of(kType));
    const auto factor = hn::Set(Floats(), scales[i / kQuantBlock].multiplier);
    put<kStream>(finite_codes<kType>(row, i, factor), outs, at + i);
  }
}

/// Any values, by way of a buffer: rare.
template <DType kType>
void quantize_block(const std::byte* row, std::size_t begin, float multiplier, std::span<std::byte* const> outs,
                    std::size_t at) {
  const Floats d;
  const hn::Rebind<std::uint8_t, Floats> bytes;
  const auto factor = hn::Set(d, multiplier);
  std::array<std::uint8_t, kQuantBlock> codes;
  for (std::size_t i = 0; i < kQuantBlock; i += hn::Lanes(d)) {
    const auto bits = e4m3_bits(hn::Mul(load<kType>(row, begin + i), factor));
    hn::StoreU(hn::DemoteTo(bytes, hn::BitCast(Ints(), bits)), bytes, codes.data() + i);
  }
  for (std::byte* out : outs) std::memcpy(out + at + begin, codes.data(), codes.size());
}

/// What a row's quantisation needs besides its values.
struct QuantizeTarget {
  Quantize quantize;
  std::span<std::byte* const> outs;
  std::byte* words;  ///< scales
  bool stream;
  std::size_t row_bytes;  ///< to the next row, which is fetched meanwhile
};

template <DType kType>
void quantize_blocks(const std::byte* row, std::size_t first, std::size_t count, const QuantizeTarget& target) {
  const std::byte* from = row + first * kQuantBlock * size_of(kType);
  const std::size_t at = first * kQuantBlock;
  Scales scales;
  bool all_finite = true;
  std::array<float, kBlocksAtOnce> amax;
  for (std::size_t i = 0; i < count; ++i) {
    const BlockAmax block = amax_of_block<kType>(from, i * kQuantBlock);
    amax[i] = block.finite;
    all_finite = all_finite && block.all_finite;
  }
  for (std::size_t i = 0; i < count; ++i) {
    scales[i] = core::block_scale(amax[i], target.quantize);
    if (target.quantize == Quantize::kFp8Ue8m0) {
      target.words[first + i] = std::byte{scales[i].exponent};
    } else {
      std::memcpy(target.words + 4 * (first + i), &scales[i].scale, 4);
    }
  }
  if (!all_finite) {
    for (std::size_t i = 0; i < count; ++i) {
      quantize_block<kType>(from, i * kQuantBlock, scales[i].multiplier, target.outs, at);
    }
  } else if (target.stream) {
    quantize_finite_blocks<kType, true>(from, count, scales, target.outs, at, target.row_bytes);
  } else {
    quantize_finite_blocks<kType, false>(from, count, scales, target.outs, at, target.row_bytes);
  }
}

template <DType kType>
void quantize_all(const std::byte* row, std::size_t hidden, const QuantizeTarget& target) {
  const std::size_t num_blocks = hidden / kQuantBlock;
  for (std::size_t first = 0; first < num_blocks; first += kBlocksAtOnce) {
    quantize_blocks<kType>(row, first, std::min(kBlocksAtOnce, num_blocks - first), target);
  }
}

void QuantizeRow(const void* row, DType dtype, int hidden, Quantize quantize, std::span<std::byte* const> outs,
                 void* scales, bool stream) {
  const auto* from = static_cast<const std::byte*>(row);
  const QuantizeTarget target{.quantize = quantize,
                              .outs = outs,
                              .words = static_cast<std::byte*>(scales),
                              .stream = stream && is_aligned(outs),
                              .row_bytes = static_cast<std::size_t>(hidden) * size_of(dtype)};
  std::memset(scales, 0, 4 * static_cast<std::size_t>(core::scale_words(hidden, quantize)));
  dtype == DType::kFp32 ? quantize_all<DType::kFp32>(from, static_cast<std::size_t>(hidden), target)
                        : quantize_all<DType::kBf16>(from, static_cast<std::size_t>(hidden), target);
}

// ---- sums

/// All terms of one vector of channels, in the order of the tree.
template <DType kRow, DType kWire>
HWY_INLINE auto sum_terms(const SumJob& job, std::size_t i) {
  const Floats d;
  auto rank = hn::Zero(d);
  auto node = hn::Zero(d);
  auto total = hn::Zero(d);
  for (const SumTerm& term : job.terms) {
    auto value = load<kRow>(term.row, i);
    if (job.per_selection) value = round_to<kWire>(value);
    // Two roundings: multiply, then add.
    if (job.weighted) value = hn::Mul(hn::Set(d, term.weight), value);
    if (job.per_selection) {
      total = hn::Add(total, value);
      continue;
    }
    rank = hn::Add(rank, value);
    if (!term.ends_rank) continue;
    if (job.hierarchical) {
      node = hn::Add(node, round_to<kWire>(rank));
      if (term.ends_node) {
        total = hn::Add(total, round_to<kWire>(node));
        node = hn::Zero(d);
      }
    } else {
      total = hn::Add(total, round_to<kWire>(rank));
    }
    rank = hn::Zero(d);
  }
  return total;
}

template <class V>
HWY_INLINE V add_bias(V value, const std::byte* bias, DType dtype, std::size_t i) {
  if (bias == nullptr) return value;
  return hn::Add(value, dtype == DType::kFp32 ? load<DType::kFp32>(bias, i) : load<DType::kBf16>(bias, i));
}

/// The row of the result, vector by vector: sum(i) gives the terms' sum of the channels from i on.
template <class Sum>
HWY_INLINE void store_sums(const SumJob& job, Sum sum) {
  const std::size_t lanes = hn::Lanes(Floats());
  const auto one = [&](std::size_t i) {
    auto value = sum(i);
    value = add_bias(value, job.bias0, job.bias0_dtype, i);
    value = add_bias(value, job.bias1, job.bias1_dtype, i);
    store(value, job, i);
  };
  std::size_t i = 0;
  for (; i + lanes <= job.hidden; i += lanes) one(i);
  // The last vector overlaps the one before it: the same channels give the same bits.
  if (i < job.hidden) one(job.hidden - lanes);
}

template <DType kRow, DType kWire>
void sum_all(const SumJob& job) {
  store_sums(job, [&](std::size_t i) { return sum_terms<kRow, kWire>(job, i); });
}

/// The plainest tree, unweighted rows whose type is the wire type: rounding a row changes nothing but -0, which +0
/// takes.
template <DType kRow>
void sum_plain_rows(const SumJob& job) {
  store_sums(job, [&](std::size_t i) {
    auto total = hn::Zero(Floats());
    for (const SumTerm& term : job.terms) total = hn::Add(total, load<kRow>(term.row, i));
    return total;
  });
}

bool is_plain(const SumJob& job) {
  if (job.weighted || job.hierarchical || job.row_dtype != job.wire_dtype) return false;
  for (const SumTerm& term : job.terms) {
    if (!term.ends_rank && !job.per_selection) return false;
  }
  return true;
}

/// The last vector of a row overlaps the one before it unless the row is whole vectors; streams want aligned ones of at
/// least 16 bytes.
bool may_stream(const SumJob& job) {
  const std::size_t lanes = hn::Lanes(Floats());
  const std::size_t vector = lanes * size_of(job.out_dtype);
  return vector >= 16 && job.hidden % lanes == 0 && reinterpret_cast<std::uintptr_t>(job.out) % vector == 0;
}

void SumRows(const SumJob& asked) {
  SumJob job = asked;
  job.stream = asked.stream && may_stream(asked);
  const bool bf16_rows = job.row_dtype == DType::kBf16;
  const bool bf16_wire = job.wire_dtype == DType::kBf16;
  if (is_plain(job)) {
    bf16_rows ? sum_plain_rows<DType::kBf16>(job) : sum_plain_rows<DType::kFp32>(job);
  } else if (bf16_rows) {
    bf16_wire ? sum_all<DType::kBf16, DType::kBf16>(job) : sum_all<DType::kBf16, DType::kFp32>(job);
  } else {
    bf16_wire ? sum_all<DType::kFp32, DType::kBf16>(job) : sum_all<DType::kFp32, DType::kFp32>(job);
  }
}

std::size_t FloatLanes() { return hn::Lanes(Floats()); }
const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace crossdock::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace crossdock::cpu {

HWY_EXPORT(CopyRow);
HWY_EXPORT(QuantizeRow);
HWY_EXPORT(SumRows);
HWY_EXPORT(FloatLanes);
HWY_EXPORT(TargetName);

void copy_row(const std::byte* row, std::size_t bytes, std::span<std::byte* const> outs, bool stream) {
  HWY_DYNAMIC_DISPATCH(CopyRow)(row, bytes, outs, stream);
}

void order_streamed_stores() { hwy::FlushStream(); }

void quantize_row_simd(const void* row, DType dtype, int hidden, Quantize quantize, std::span<std::byte* const> outs,
                       void* scales, bool stream) {
  HWY_DYNAMIC_DISPATCH(QuantizeRow)(row, dtype, hidden, quantize, outs, scales, stream);
}

void sum_rows_simd(const SumJob& job) { HWY_DYNAMIC_DISPATCH(SumRows)(job); }

std::size_t float_lanes() { return HWY_DYNAMIC_DISPATCH(FloatLanes)(); }

const char* simd_target() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

}  // namespace crossdock::cpu
#endif
