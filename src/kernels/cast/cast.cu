#include "kernels/cast/cast.hpp"
#include "kernels/cast/move_kernels.cuh"
#include "kernels/cast/quantize_kernel.cuh"
#include "kernels/cast/restore_kernel.cuh"
#include "kernels/launch_overlapped.cuh"

namespace crossdock::kernels {
namespace {

void check_sms(int num_sms) {
  if (num_sms < 1) refuse("cast", "num_sms", "at least 1", num_sms);
}

void check_hidden(int hidden) {
  if (hidden <= 0 || hidden % kQuantBlock != 0) refuse("cast", "hidden", "a multiple of 128", hidden);
}

}  // namespace

LoadedKernels load_cast() {
  return {load_kernel("quantize of bf16 and fp16", &quantize_kernel<2>, kCastThreads, 0),
          load_kernel("quantize of fp32", &quantize_kernel<4>, kCastThreads, 0),
          load_kernel("restore", &restore_kernel, kCastThreads, 0),
          load_kernel("transpose_scales", &transpose_scales_kernel, kTile * kTileRows, 0),
          load_kernel("copy_rows", &copy_rows_kernel, kCopyThreads, 0)};
}

void launch_quantize(const QuantizeArgs& args, int num_sms, cudaStream_t stream) {
  check_sms(num_sms);
  check_hidden(args.hidden);
  const auto kernel = args.dtype == DType::kFp32 ? &quantize_kernel<4> : &quantize_kernel<2>;
  launch_overlapped("quantize", kernel, num_sms, kCastThreads, 0, stream, args);
}

void launch_restore(const RestoreArgs& args, int num_sms, cudaStream_t stream) {
  check_sms(num_sms);
  check_hidden(args.hidden);
  launch_overlapped("restore", &restore_kernel, num_sms, kCastThreads, 0, stream, args);
}

void launch_transpose_scales(const TransposeScalesArgs& args, int num_sms, cudaStream_t stream) {
  check_sms(num_sms);
  launch_overlapped("transpose_scales", &transpose_scales_kernel, num_sms, kTile * kTileRows, 0, stream, args);
}

void launch_copy_rows(const CopyRowsArgs& args, int num_sms, cudaStream_t stream) {
  check_sms(num_sms);
  if (args.row_bytes % 16 != 0) refuse("copy_rows", "bytes of a row", "a multiple of 16", args.row_bytes);
  launch_overlapped("copy_rows", &copy_rows_kernel, num_sms, kCopyThreads, 0, stream, args);
}

}  // namespace crossdock::kernels
