#include "kernels/cast/cast.hpp"

#include <fmt/format.h>

#include <limits>

#include "core/contract/overlap.hpp"
#include "core/numeric/quantize.hpp"
#include "crossdock/gpu.hpp"
#include "engine/cuda/alone/given.hpp"
#include "engine/cuda/alone/prepare_device.hpp"

namespace crossdock::gpu {
namespace {

using core::reject;
using engine::cuda::check_tensor;
using engine::cuda::Given;

constexpr std::size_t kVectorBytes = 16;

/// Rows of numbers, dense [T, H] in whole blocks.
void check_numbers(const Given& given) {
  const ConstTensorView& view = given.view;
  core::check_shape(given.caller(), given.what, view);
  if (view.num_dims != 2 || !core::is_plain_float(view.dtype) || !is_dense(view)) {
    reject(given.caller(), given.what, "dense bf16, fp16 or fp32 [T, H]", describe(view));
  }
  constexpr std::int64_t kMost = std::numeric_limits<int>::max() / 2;
  const std::int64_t hidden = view.shape[1];
  if (view.shape[0] > kMost || hidden < kQuantBlock || hidden > kMost || hidden % kQuantBlock != 0) {
    reject(given.caller(), given.what, fmt::format("[T, H], H a multiple of {}, both at most {}", kQuantBlock, kMost),
           describe(view));
  }
  check_memory(given);
  check_aligned(given, kVectorBytes);
}

/// The same rows as FP8 with scales.
void check_fp8(const Given& codes, const Given& scales, Quantize quantize, const ConstTensorView& numbers) {
  if (quantize == Quantize::kNone || !base::is_known(quantize)) {
    reject(codes.caller(), "quantize", "a kind of fp8", base::shown(quantize));
  }
  const std::int64_t rows = numbers.shape[0];
  const std::int64_t hidden = numbers.shape[1];
  check_tensor(codes, DType::kFp8E4m3, {rows, hidden});
  check_aligned(codes, kVectorBytes);
  check_tensor(scales, core::scale_dtype(quantize), {rows, core::scale_words(static_cast<int>(hidden), quantize)});
}

}  // namespace

void quantize(const ConstTensorView& x, Quantize quantize, const TensorView& out, const TensorView& scales,
              void* stream) {
  check_numbers({"quantize", "x", x});
  check_fp8({"quantize", "out", out}, {"quantize", "scales", scales}, quantize, x);
  const core::Named outputs[]{{"out", out}, {"scales", scales}};
  const core::Named inputs[]{{"x", x}};
  core::check_apart({.operation = "quantize"}, outputs, inputs);
  const int num_sms = engine::cuda::prepare_device();
  kernels::launch_quantize({.x = static_cast<const std::byte*>(x.data),
                            .dtype = x.dtype,
                            .num_rows = static_cast<int>(x.shape[0]),
                            .hidden = static_cast<int>(x.shape[1]),
                            .quantize = quantize,
                            .out = static_cast<std::uint8_t*>(out.data),
                            .scales = static_cast<std::uint32_t*>(scales.data)},
                           num_sms, static_cast<cudaStream_t>(stream));
}

void restore(const ConstTensorView& x, const ConstTensorView& scales, Quantize quantize, const TensorView& out,
             void* stream) {
  check_numbers({"restore", "out", out});
  check_fp8({"restore", "x", x}, {"restore", "scales", scales}, quantize, out);
  const core::Named outputs[]{{"out", out}};
  const core::Named inputs[]{{"x", x}, {"scales", scales}};
  core::check_apart({.operation = "restore"}, outputs, inputs);
  const int num_sms = engine::cuda::prepare_device();
  kernels::launch_restore({.x = static_cast<const std::uint8_t*>(x.data),
                           .scales = static_cast<const std::uint32_t*>(scales.data),
                           .scale_row_stride = scales.shape[1],
                           .num_rows = static_cast<int>(out.shape[0]),
                           .hidden = static_cast<int>(out.shape[1]),
                           .quantize = quantize,
                           .dtype = out.dtype,
                           .out = static_cast<std::byte*>(out.data)},
                          num_sms, static_cast<cudaStream_t>(stream));
}

}  // namespace crossdock::gpu
