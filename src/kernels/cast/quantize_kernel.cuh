// A warp a piece of a row.
#pragma once

#include "base/math.hpp"
#include "device/numeric/convert.cuh"
#include "device/numeric/warp_scales.cuh"
#include "device/ptx/grid.cuh"
#include "kernels/cast/cast_args.hpp"
#include "kernels/cast/pieces.cuh"

namespace crossdock::kernels {

/// One lane: the block's scale, and zero behind the row's last ue8m0 byte.
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
    std::uint8_t* const out = args.out + piece.row() * args.hidden;
    device::RawEight<kElementBytes> raw[Pieces::kVectors];
    float values[Pieces::kVectors][device::kEight];
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) {
      raw[i] = device::load_eight<device::Read::kOnce, kElementBytes>(row, piece.at(i), args.hidden);
    }
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) device::widen(raw[i], args.dtype, values[i]);
    const device::BlockScale scale = device::scale_of_lane(values, args.quantize);
#pragma unroll
    for (int i = 0; i < Pieces::kVectors; ++i) {
      const uint2 bytes = device::e4m3_eight(values[i], device::multiplier_of(scale, i));
      if (piece.at(i) < args.hidden) *reinterpret_cast<uint2*>(out + piece.at(i)) = bytes;
    }
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int block = piece.first() / kQuantBlock + lane;
    if (lane < Pieces::kElements / kQuantBlock && block < args.hidden / kQuantBlock) {
      store_scale(args, piece.row(), block, scale);
    }
  }
}

}  // namespace crossdock::kernels
