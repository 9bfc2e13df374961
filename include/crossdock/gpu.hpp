// Kernels of the CUDA backend that need no group: choosing experts, FP8, counts of a routing; and what kernels take of
// an SM. CUDA's handles are void*, so that this header needs none of CUDA's.
//
// The functions put their work on `stream` (cudaStream_t; nullptr: CUDA's default stream) and return at once. Stream
// and tensors belong to the calling thread's GPU. Tensors are dense. No function allocates or waits, so all of them can
// be captured in a graph; the first call on a GPU loads kernels, which may wait for what runs there.
//
// They throw Error: InvalidArgument (what, expected, got) where tensors do not fit one another, lie in ordinary host
// memory or on another GPU, an output overlaps another tensor, or the library was built without CUDA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crossdock/gate.hpp"
#include "crossdock/tensor.hpp"
#include "crossdock/types.hpp"

namespace crossdock::gpu {

/// crossdock::gate, bit by bit. At most 1024 experts.
void gate(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
          const TensorView& topk_idx, const TensorView& topk_weights, void* stream);

/// x bf16, fp16 or fp32 [T, H] -> out fp8 [T, H] with a scale for each kQuantBlock channels of a row: scales fp32
/// [T, H / 128], or int32 [T, ceil(H / 512)] for kFp8Ue8m0, whose unused bytes become 0. H is a multiple of
/// kQuantBlock. The bits of a dispatch that makes the same FP8. Memory of x and out is aligned to 16 bytes.
void quantize(const ConstTensorView& x, Quantize quantize, const TensorView& out, const TensorView& scales,
              void* stream);

/// The way back: x fp8 [T, H] and scales as above -> out bf16, fp16 or fp32 [T, H], each value times its block's scale,
/// rounded once.
void restore(const ConstTensorView& x, const ConstTensorView& scales, Quantize quantize, const TensorView& out,
             void* stream);

/// What a rank knows of its own tokens before a dispatch. All of it is written, int32.
struct RoutingCounts {
  TensorView rank_rows;    ///< [R]: tokens with a selection at the rank: the rows that kFlat sends there
  TensorView expert_rows;  ///< [E]: selections of the expert
  TensorView slots;  ///< [T, R]: which of the rows for the rank is this token's, in the order of tokens; -1 = none
};

/// Bytes of the scratch memory of one count_routing of so many tokens.
std::size_t routing_scratch_bytes(std::int64_t num_tokens);

/// topk_idx int32 or int64 [T, K] -> counts. E experts are placed on R ranks as GroupConfig::num_experts says. An index
/// outside [0, E) selects nothing. K is at most kMaxTopK, E at most 1024, R at most 32, T at most 2^24.
/// `scratch` is GPU memory of at least routing_scratch_bytes(T), aligned to 128 bytes. What is in it does not matter
/// before or after the call; two calls that may run at the same time need one each.
void count_routing(const ConstTensorView& topk_idx, int num_experts, int num_ranks, const RoutingCounts& counts,
                   void* scratch, std::size_t scratch_bytes, void* stream);

/// What one variant of a kernel takes of an SM.
struct KernelFootprint {
  std::string name;
  int threads = 0;                       ///< of a block
  int registers = 0;                     ///< of a thread
  std::size_t static_shared_bytes = 0;   ///< of a block
  std::size_t dynamic_shared_bytes = 0;  ///< of a block, at most
  int blocks_per_sm = 0;                 ///< that fit an SM together, with all of that shared memory
};

/// Every kernel of the library, as compiled for the calling thread's GPU. Loads them all.
std::vector<KernelFootprint> footprint();

}  // namespace crossdock::gpu
