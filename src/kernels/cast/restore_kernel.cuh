// A warp a piece of a row.
#pragma once

#include "device/numeric/convert.cuh"
#include "device/numeric/e4m3.cuh"
#include "device/ptx/grid.cuh"
#include "kernels/cast/cast_args.hpp"
#include "kernels/cast/pieces.cuh"

namespace crossdock::kernels {

/// Scale of a block: a number, or the exponent of a power of two.
__device__ __forceinline__ float load_scale(const RestoreArgs& args, std::int64_t row, int block) {
  const bool packed = args.quantize == Quantize::kFp8Ue8m0;
  const int word = packed ? block / 4 : block;
  const std::uint32_t bits = __ldg(args.scales + row * args.scale_row_stride + word * args.scale_word_stride);
  return __uint_as_float(packed ? (bits >> (8 * (block % 4)) & 0xFFU) << 23 : bits);
}

static __global__ void __launch_bounds__(kCastThreads) restore_kernel(const __grid_constant__ RestoreArgs args) {
  device::wait_for_earlier_kernels();
  const std::int64_t out_bytes = static_cast<std::int64_t>(args.hidden) * (args.dtype == DType::kFp32 ? 4 : 2);
  for (Pieces piece(args.num_rows, args.hidden); !piece.done(); piece.advance()) {
    uint2 codes[Pieces::kVectors];
    float scales[Pieces::kVectors];
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) {
      const bool here = piece.at(i) < args.hidden;
      const auto* from = reinterpret_cast<const uint2*>(args.x + piece.row() * args.hidden + piece.at(i));
      codes[i] = here ? __ldg(from) : uint2{};
      scales[i] = here ? load_scale(args, piece.row(), piece.at(i) / kQuantBlock) : 0.0F;
    }
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) {
      float values[device::kEight];
      device::widen_e4m3(codes[i], values);
#pragma unroll
      for (float& value : values) value = __fmul_rn(value, scales[i]);
      device::store_eight(args.out + piece.row() * out_bytes, piece.at(i), args.hidden, args.dtype, values);
    }
  }
}

}  // namespace crossdock::kernels
