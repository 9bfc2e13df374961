// A warp a piece of a row; half a warp a block of kQuantBlock channels.
#pragma once

#include "base/math.hpp"
#include "device/numeric/convert.cuh"
#include "device/numeric/quantize.cuh"
#include "device/ptx/grid.cuh"
#include "kernels/cast/cast_args.hpp"
#include "kernels/cast/pieces.cuh"

namespace crossdock::kernels {

/// The first lane of a block's half warp: the block's scale, and zero behind the row's last ue8m0 byte.
__device__ __forceinline__ void store_scale(const QuantizeArgs& args, std::int64_t row, int block,
                                            const device::BlockScale& scale) {
  const int blocks = args.hidden / kQuantBlock;
  if (args.quantize != Quantize::kFp8Ue8m0) {
    args.scales[row * blocks + block] = __float_as_uint(scale.scale);
    return;
  }
  const int bytes = base::round_up(blocks, 4);
  auto* out = reinterpret_cast<std::uint8_t*>(args.scales) + row * bytes;
  out[block] = static_cast<std::uint8_t>(scale.exponent);
  if (block != blocks - 1) return;
  for (int unused = blocks; unused < bytes; ++unused) out[unused] = 0;
}

template <int kElementBytes>
__global__ void __launch_bounds__(kCastThreads) quantize_kernel(const __grid_constant__ QuantizeArgs args) {
  device::wait_for_earlier_kernels();
  for (Pieces piece(args.num_rows, args.hidden); !piece.done(); piece.advance()) {
    const std::byte* row = args.x + piece.row() * args.hidden * kElementBytes;
    device::RawEight<kElementBytes> raw[Pieces::kVectors];
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) {
      raw[i] = device::load_eight<device::Read::kOnce, kElementBytes>(row, piece.at(i), args.hidden);
    }
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) {
      float values[device::kEight];
      device::widen(raw[i], args.dtype, values);
      std::uint32_t amax = 0;
#pragma unroll
      for (const float value : values) amax = max(amax, device::finite_magnitude(value));
      const device::BlockScale scale = device::block_scale(device::max_of_lanes<16>(amax), args.quantize);
      if (piece.at(i) >= args.hidden) continue;
      *reinterpret_cast<uint2*>(args.out + piece.row() * args.hidden + piece.at(i)) =
          device::e4m3_eight(values, scale.multiplier);
      if (threadIdx.x % 16 == 0) store_scale(args, piece.row(), piece.at(i) / kQuantBlock, scale);
    }
  }
}

}  // namespace crossdock::kernels
