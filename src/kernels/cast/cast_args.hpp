// Rows from one form to another, without other ranks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"

namespace crossdock::kernels {

/// FP8 made with the bits of core/numeric/quantize.hpp.
struct QuantizeArgs {
  const std::byte* x = nullptr;  ///< [num_rows, hidden], dense, 16-byte aligned
  DType dtype = DType::kBf16;    ///< bf16, fp16 or fp32
  int num_rows = 0;
  int hidden = 0;  ///< a multiple of kQuantBlock
  Quantize quantize = Quantize::kFp8;
  std::uint8_t* out = nullptr;      ///< [num_rows, hidden], 8-byte aligned
  std::uint32_t* scales = nullptr;  ///< [num_rows, words], row-major; unused ue8m0 bytes become 0
};

/// FP8 back to numbers: each value times its block's scale, rounded once.
struct RestoreArgs {
  const std::uint8_t* x = nullptr;  ///< [num_rows, hidden], 8-byte aligned
  const std::uint32_t* scales = nullptr;
  std::int64_t scale_row_stride = 0;  ///< words
  std::int64_t scale_word_stride = 1;
  int num_rows = 0;
  int hidden = 0;  ///< a multiple of kQuantBlock
  Quantize quantize = Quantize::kFp8;
  DType dtype = DType::kBf16;  ///< bf16, fp16 or fp32
  std::byte* out = nullptr;    ///< [num_rows, hidden], 16-byte aligned
};

/// Scales of arrived rows: row-major to column-major.
struct TransposeScalesArgs {
  const std::uint32_t* from = nullptr;  ///< [rows, words]
  std::uint32_t* to = nullptr;          ///< word w of row r at w * word_stride + r
  int words = 0;
  std::int64_t word_stride = 0;
  const std::int64_t* num_rows = nullptr;  ///< device memory; nothing past it is written
};

struct CopyRowsArgs {
  const std::byte* from = nullptr;  ///< both 16-byte aligned
  std::byte* to = nullptr;
  std::int64_t row_bytes = 0;              ///< a multiple of 16
  const std::int64_t* num_rows = nullptr;  ///< device memory
};

}  // namespace crossdock::kernels
