#include "cpu/fast/row_kernels.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/numeric/fp8.hpp"
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

// ---- memory

/// How far ahead of a row's reader its bytes are fetched: over the ends of pages, where the machine's own fetching
/// stops.
constexpr std::size_t kFetchAhead = 8192;

/// Into the second-level cache: the few buffers of the first are for loads that somebody waits for.
HWY_INLINE void fetch(const std::byte* from) { __builtin_prefetch(from, /*rw=*/0, /*locality=*/2); }

constexpr std::size_t kLine = 64;

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
    if constexpr (kStream) fetch(row + i + kFetchAhead);
    put<kStream>(hn::LoadU(d, reinterpret_cast<const std::uint8_t*>(row) + i), outs, i);
  }
  for (std::byte* out : outs) std::memcpy(out + i, row + i, bytes - i);
}

void CopyRow(const std::byte* row, std::size_t bytes, std::span<std::byte* const> outs, bool stream) {
  stream&& is_aligned(outs) ? copy_all<true>(row, bytes, outs) : copy_all<false>(row, bytes, outs);
}

// ---- number formats: integer arithmetic, as in core/numeric

/// size_of, in loops that a call would empty of their vectors.
template <DType kType>
constexpr std::size_t kBytesOf = kType == DType::kFp32 ? 4 : 2;

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

// ---- quantisation

/// Blocks that are searched, then scaled, then converted: so that a block's search need not end before the next begins.
constexpr std::size_t kBlocksAtOnce = 64;

/// What a row's quantisation needs besides its values.
struct QuantizeTarget {
  Quantize quantize;
  std::span<std::byte* const> outs;
  std::byte* words;  ///< scales
  bool stream;
  std::size_t row_bytes;  ///< from row to row of the input

  std::byte* words_of(std::size_t block) const { return words + (quantize == Quantize::kFp8Ue8m0 ? 1 : 4) * block; }
};

/// Blocks that are not all finite: rare.
template <DType kType>
void quantize_any_blocks(const std::byte* from, std::size_t first, std::size_t count, const QuantizeTarget& target) {
  std::array<std::uint8_t, kBlocksAtOnce * kQuantBlock> codes;
  const std::size_t bytes = count * kQuantBlock;
  core::quantize_row(from, kType, static_cast<int>(bytes), target.quantize, codes.data(), target.words_of(first));
  for (std::byte* out : target.outs) std::memcpy(out + first * kQuantBlock, codes.data(), bytes);
}

#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE  // lanes known when compiled: not those of SVE

template <DType kType>
void quantize_blocks(const std::byte* from, std::size_t first, std::size_t count, const QuantizeTarget& target) {
  quantize_any_blocks<kType>(from, first, count, target);
}

#else

/// Integers that order like the magnitudes of the type.
template <DType kType>
using Magnitudes = hn::ScalableTag<std::conditional_t<kType == DType::kFp32, std::int32_t, std::int16_t> >;

/// Lane i is the largest magnitude of block i of kCount, 0 past the last block: where kCount is the number of lanes.
/// Half as many vectors a level.
template <DType kType, std::size_t kCount>
HWY_INLINE auto amax_of_blocks(const std::byte* from, std::size_t first, std::size_t end) {
  const Magnitudes<kType> n;
  using Lane = hn::TFromD<Magnitudes<kType> >;
  if constexpr (kCount == 1) {
    auto largest = hn::Zero(n);
    if (first >= end) return largest;
    const auto* block = reinterpret_cast<const Lane*>(from) + first * kQuantBlock;
    for (std::size_t i = 0; i < kQuantBlock; i += hn::Lanes(n)) {
      largest = hn::Max(largest, hn::And(hn::LoadU(n, block + i), hn::Set(n, std::numeric_limits<Lane>::max())));
    }
    return largest;
  } else {
    const auto low = amax_of_blocks<kType, kCount / 2>(from, first, end);
    const auto high = amax_of_blocks<kType, kCount / 2>(from, first + kCount / 2, end);
    return hn::Max(hn::ConcatEven(n, high, low), hn::ConcatOdd(n, high, low));
  }
}

/// core::block_scale of blocks.
struct Scales {
  std::array<float, kBlocksAtOnce> multipliers;
  std::array<std::uint32_t, kBlocksAtOnce> words;  ///< kFp8Ue8m0: bytes
};

template <class V>
HWY_INLINE void scale_blocks(V amax, Quantize quantize, std::size_t first, Scales& scales) {
  const Floats d;
  const Words w;
  const auto a = hn::Max(amax, hn::Set(d, core::kSmallestAmax));
  const auto scale = hn::BitCast(w, hn::Div(a, hn::Set(d, core::kE4m3Max)));
  if (quantize == Quantize::kFp8) {
    hn::StoreU(hn::Div(hn::Set(d, core::kE4m3Max), a), d, scales.multipliers.data() + first);
    hn::StoreU(scale, w, scales.words.data() + first);
    return;
  }
  const auto exponent = hn::ShiftRight<23>(hn::Add(scale, hn::Set(w, 0x7F'FFFFU)));
  const auto multiplier = hn::ShiftLeft<23>(hn::Sub(hn::Set(w, 254U), exponent));
  hn::StoreU(hn::BitCast(d, multiplier), d, scales.multipliers.data() + first);
  if (quantize == Quantize::kFp8Ue8m0) {
    const hn::Rebind<std::uint8_t, Ints> bytes;
    auto* to = reinterpret_cast<std::uint8_t*>(scales.words.data()) + first;
    hn::StoreU(hn::DemoteTo(bytes, hn::BitCast(Ints(), exponent)), bytes, to);
  } else {
    hn::StoreU(hn::ShiftLeft<23>(exponent), w, scales.words.data() + first);
  }
}

/// False where a block is not all finite.
template <DType kType>
bool find_scales(const std::byte* from, std::size_t count, Quantize quantize, Scales& scales) {
  const Magnitudes<kType> n;
  const Floats d;
  constexpr std::size_t kLanes = hn::MaxLanes(n);
  alignas(64) std::array<hn::TFromD<Magnitudes<kType> >, kBlocksAtOnce> amax;
  for (std::size_t first = 0; first < count; first += kLanes) {
    hn::Store(amax_of_blocks<kType, kLanes>(from, first, count), n, amax.data() + first);
  }
  auto largest = hn::Zero(Ints());  // of integers: a NaN would not last among floats
  for (std::size_t first = 0; first < count; first += hn::Lanes(d)) {
    const auto values = load<kType>(reinterpret_cast<const std::byte*>(amax.data()), first);
    scale_blocks(values, quantize, first, scales);
    largest = hn::Max(largest, hn::BitCast(Ints(), values));
  }
  return hn::AllTrue(Ints(), hn::Lt(largest, hn::Set(Ints(), 0x7F80'0000)));
}

/// e4m3 of values whose magnitude is at most 448 and an ulp, but for the sign, in the low byte. Let the value's
/// exponent be e >= -6 (smaller ones count as -6). Added to 2^(e + 20), whose last mantissa bit is 2^(e - 3), it rounds
/// to nearest even there, and the low byte holds it in units of that bit: 8 to 16, or 0 to 8 where subnormal. The code
/// is these plus 8 (e + 6), which the addend carries (even, so that ties stay).
template <class V>
HWY_INLINE auto e4m3_magnitude(V magnitude) {
  const Floats d;
  const Words w;
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  // The sixteen exponents' addends, by the low four exponent bits.
  alignas(64) static constexpr auto kAddends = [] {
    std::array<std::uint32_t, 16> addends{};
    for (std::uint32_t e = 0; e < 15; ++e) addends[(121 + e) % 16] = ((121 + e + 20) << 23) + 8 * e;
    return addends;
  }();
  const auto clamped = hn::Max(magnitude, hn::Set(d, 0x1p-6F));
  const auto exponent = hn::ShiftRight<23>(hn::BitCast(w, clamped));
  const auto addend = hn::TableLookupLanes(hn::Load(w, kAddends.data()), hn::Indices512<std::uint32_t>{exponent.raw});
  return hn::BitCast(w, hn::Add(magnitude, hn::BitCast(d, addend)));
#else
  const auto exponent = hn::And(hn::BitCast(w, magnitude), hn::Set(w, 0x7F80'0000U));
  const auto clamped = hn::Max(exponent, hn::Set(w, (127U - 6U) << 23));
  // 8 (e + 6) is clamped >> 20 less 968: modulo 256 that is 56 more.
  const auto addend = hn::Add(clamped, hn::Set(w, (20U << 23) + 56U));
  const auto sum = hn::Add(magnitude, hn::BitCast(d, addend));
  return hn::Add(hn::BitCast(w, sum), hn::ShiftRight<20>(clamped));
#endif
}

/// e4m3 codes of the next vector of bytes' worth of values.
template <DType kType, class V>
HWY_INLINE auto codes_of(const std::byte* row, std::size_t i, V factor) {
  const hn::ScalableTag<std::uint8_t> bytes;
  const hn::ScalableTag<std::uint16_t> halves;
  const Floats d;
  const Words w;
  if constexpr (kType == DType::kFp32) {
    const auto code = [&](std::size_t part) {
      const auto value = load<kType>(row, i + part * hn::Lanes(w));
      const auto magnitude = e4m3_magnitude(hn::Mul(hn::Abs(value), factor));
      return hn::BitCast(halves, hn::OrAnd(magnitude, hn::ShiftRight<24>(hn::BitCast(w, value)), hn::Set(w, 0x80U)));
    };
    const auto low = hn::ConcatEven(halves, code(1), code(0));
    const auto high = hn::ConcatEven(halves, code(3), code(2));
    return hn::ConcatEven(bytes, hn::BitCast(bytes, high), hn::BitCast(bytes, low));
  } else {
    const auto load_pairs = [&](std::size_t at) {
      return hn::BitCast(w, hn::LoadU(halves, reinterpret_cast<const std::uint16_t*>(row) + at));
    };
    const auto code = [&](auto magnitude) {
      return hn::BitCast(halves, e4m3_magnitude(hn::Mul(hn::BitCast(d, magnitude), factor)));
    };
    const auto even = [&](auto pairs) { return code(hn::ShiftLeft<16>(hn::And(pairs, hn::Set(w, 0x7FFFU)))); };
    const auto odd = [&](auto pairs) { return code(hn::And(pairs, hn::Set(w, 0x7FFF'0000U))); };
    const auto low = load_pairs(i);
    const auto high = load_pairs(i + hn::Lanes(halves));
    const auto evens = hn::ConcatEven(halves, even(high), even(low));
    const auto odds = hn::ShiftLeft<8>(hn::ConcatEven(halves, odd(high), odd(low)));
    const auto magnitudes = hn::OddEven(hn::BitCast(bytes, odds), hn::BitCast(bytes, evens));
    const auto signs = hn::ConcatOdd(bytes, hn::BitCast(bytes, high), hn::BitCast(bytes, low));
    return hn::OrAnd(magnitudes, signs, hn::Set(bytes, std::uint8_t{0x80}));
  }
}

template <DType kType, bool kStream>
void convert_blocks(const std::byte* from, std::size_t first, std::size_t count, const Scales& scales,
                    const QuantizeTarget& target) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<std::uint8_t>());
  // Rows of tokens lie one behind the other as a rule; a wrong guess only costs the fetch. This pass alone waits for
  // memory: the search for the next row's scales finds that row in the first cache, which the second gives.
  const std::byte* next_row = from + target.row_bytes;
  const std::byte* row_after = next_row + target.row_bytes;
  for (std::size_t i = 0; i < count * kQuantBlock; i += lanes) {
    for (std::size_t at = i * kBytesOf<kType>; at < (i + lanes) * kBytesOf<kType>; at += kLine) {
      fetch(row_after + at);
      hwy::Prefetch(next_row + at);
    }
    const auto factor = hn::Set(Floats(), scales.multipliers[i / kQuantBlock]);
    put<kStream>(codes_of<kType>(from, i, factor), target.outs, first * kQuantBlock + i);
  }
}

template <DType kType>
void quantize_blocks(const std::byte* from, std::size_t first, std::size_t count, const QuantizeTarget& target) {
  Scales scales;
  if (!find_scales<kType>(from, count, target.quantize, scales)) {
    quantize_any_blocks<kType>(from, first, count, target);
    return;
  }
  std::memcpy(target.words_of(first), scales.words.data(),
              static_cast<std::size_t>(target.words_of(first + count) - target.words_of(first)));
  target.stream ? convert_blocks<kType, true>(from, first, count, scales, target)
                : convert_blocks<kType, false>(from, first, count, scales, target);
}

#endif  // HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE

template <DType kType>
void quantize_all(const std::byte* row, std::size_t hidden, const QuantizeTarget& target) {
  const std::size_t num_blocks = hidden / kQuantBlock;
  for (std::size_t first = 0; first < num_blocks; first += kBlocksAtOnce) {
    const std::byte* from = row + first * kQuantBlock * kBytesOf<kType>;
    quantize_blocks<kType>(from, first, std::min(kBlocksAtOnce, num_blocks - first), target);
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
  const auto result = [&](std::size_t i) {
    auto value = sum(i);
    value = add_bias(value, job.bias0, job.bias0_dtype, i);
    return add_bias(value, job.bias1, job.bias1_dtype, i);
  };
  // The last vector overlaps the one before it: the same channels give the same bits. It is made first, as the result
  // may lie where a bias does.
  const bool is_ragged = job.hidden % lanes != 0;
  const auto last = is_ragged ? result(job.hidden - lanes) : hn::Zero(Floats());
  for (std::size_t i = 0; i + lanes <= job.hidden; i += lanes) store(result(i), job, i);
  if (is_ragged) store(last, job, job.hidden - lanes);
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

/// The same for bf16 to bf16, two neighbours to a word: the upper one is a float but for its lower bits, the lower one
/// after a shift. Nothing is widened or narrowed, and streams are whole vectors.
void sum_plain_pairs(const SumJob& job) {
  const Words w;
  const auto upper = hn::Set(w, 0xFFFF'0000U);
  const std::size_t lanes = hn::Lanes(w);
  for (std::size_t i = 0; i < job.hidden / 2; i += lanes) {
    auto low = hn::Zero(Floats());
    auto high = hn::Zero(Floats());
    for (const SumTerm& term : job.terms) {
      fetch(term.row + 4 * i + kFetchAhead);
      const auto pair = hn::LoadU(w, reinterpret_cast<const std::uint32_t*>(term.row) + i);
      low = hn::Add(low, hn::BitCast(Floats(), hn::ShiftLeft<16>(pair)));
      high = hn::Add(high, hn::BitCast(Floats(), hn::And(pair, upper)));
    }
    const auto bits = hn::Or(hn::ShiftRight<16>(bf16_bits(low)), hn::And(bf16_bits(high), upper));
    auto* to = reinterpret_cast<std::uint32_t*>(job.out) + i;
    job.stream ? hn::Stream(bits, w, to) : hn::StoreU(bits, w, to);
  }
}

bool takes_pairs(const SumJob& job) {
  const bool bf16 = job.row_dtype == DType::kBf16 && job.out_dtype == DType::kBf16;
  return bf16 && job.bias0 == nullptr && job.bias1 == nullptr && job.hidden % (2 * hn::Lanes(Words())) == 0;
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
bool may_stream(const SumJob& job, std::size_t vector) {
  return vector >= 16 && job.hidden % hn::Lanes(Floats()) == 0 &&
         reinterpret_cast<std::uintptr_t>(job.out) % vector == 0;
}

void SumRows(const SumJob& asked) {
  SumJob job = asked;
  const bool pairs = is_plain(job) && takes_pairs(job);
  job.stream = asked.stream && may_stream(job, hn::Lanes(Floats()) * (pairs ? 4 : size_of(job.out_dtype)));
  const bool bf16_rows = job.row_dtype == DType::kBf16;
  const bool bf16_wire = job.wire_dtype == DType::kBf16;
  if (pairs) {
    sum_plain_pairs(job);
  } else if (is_plain(job)) {
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
