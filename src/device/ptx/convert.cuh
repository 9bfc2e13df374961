// Number formats that the GPU converts itself. One function = one instruction.
#pragma once

#include <cstdint>

namespace crossdock::device {

#if __CUDA_ARCH__ >= 890
/// Two e4m3 bytes, `low` in the lower one: nearest even, saturating at +-448, NaN stays NaN.
__device__ __forceinline__ std::uint32_t e4m3_pair(float low, float high) {
  std::uint16_t pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
  return pair;
}
#endif

}  // namespace crossdock::device
