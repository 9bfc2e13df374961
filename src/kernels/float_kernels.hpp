// A kernel for each type that rows are added in.
#pragma once

#include <string>
#include <string_view>

#include "crossdock/types.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

template <typename Args>
struct FloatKernels {
  void (*bf16)(Args) = nullptr;
  void (*fp16)(Args) = nullptr;
  void (*fp32)(Args) = nullptr;

  LoadedKernels load(const std::string& name, int threads, int smem_bytes) const {
    return {load_kernel(name + " of bf16", bf16, threads, smem_bytes),
            load_kernel(name + " of fp16", fp16, threads, smem_bytes),
            load_kernel(name + " of fp32", fp32, threads, smem_bytes)};
  }

  /// Refuses other types, and rows that are not whole 16-byte vectors.
  auto of(std::string_view name, DType dtype, int hidden) const {
    const bool wide = dtype == DType::kFp32;
    if (!wide && dtype != DType::kBf16 && dtype != DType::kFp16) {
      refuse(name, "type of rows", "bf16, fp16 or fp32", static_cast<int>(dtype));
    }
    if (hidden < 1 || hidden % (wide ? 4 : 8) != 0) refuse(name, "hidden", "rows of a multiple of 16 bytes", hidden);
    return wide ? fp32 : dtype == DType::kBf16 ? bf16 : fp16;
  }
};

}  // namespace crossdock::kernels
