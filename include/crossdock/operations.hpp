// Inputs, options and results of dispatch and combine. Shapes use the words of docs/design/semantics.md:
// T tokens of this rank, H hidden, K top-k, S scale words a token, n rows of the layout.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "crossdock/handle.hpp"
#include "crossdock/tensor.hpp"
#include "crossdock/types.hpp"

namespace crossdock {

/// Memory of the own window. Copies share it; the last one gives it back.
/// Rows that combine reads without a copy have to lie in such memory.
class WindowBuffer {
 public:
  WindowBuffer() = default;
  explicit WindowBuffer(std::shared_ptr<void> owner) : owner_(std::move(owner)) {}
  explicit operator bool() const { return owner_ != nullptr; }

 private:
  std::shared_ptr<void> owner_;
};

struct DispatchInput {
  /// [T, H], rows dense and at least H apart; bf16, fp16, fp32 or fp8. H x element size is a multiple of 16
  ConstTensorView x = {};
  ConstTensorView scales = {};        ///< [T, S], any strides; fp32 or int32; given exactly where x is fp8
  ConstTensorView topk_idx = {};      ///< [T, K], int32 or int64, dense; global expert, -1 = none
  ConstTensorView topk_weights = {};  ///< [T, K], fp32, dense; optional
};

/// A stream of the CUDA backend. Frameworks hand out 0 for CUDA's default stream, so no pointer turns into one by
/// itself: whose stream is meant has to be said.
class Stream {
 public:
  /// The group's own (Group::stream).
  constexpr Stream() = default;
  /// A cudaStream_t; nullptr (0) is CUDA's default stream, cudaStreamLegacy.
  static constexpr Stream of(void* cuda_stream) { return {cuda_stream, false}; }

  constexpr bool is_group() const { return is_group_; }
  /// cudaStream_t, unless it is the group's.
  constexpr void* handle() const { return handle_; }

 private:
  constexpr Stream(void* handle, bool is_group) : handle_(handle), is_group_(is_group) {}

  void* handle_ = nullptr;
  bool is_group_ = true;
};

/// Where a call of the CUDA backend runs and what it is ordered with; the CPU backend ignores it. CUDA's handles are
/// void*, so that this header needs none of CUDA's. May differ between ranks.
///
/// Calls are put on a stream and return at once; results are there when the stream gets to them. All calls of a group
/// have to follow one another in the order of streams and events: one stream, or events between several.
struct Execution {
  Stream stream = {};     ///< Stream::of(cudaStream_t); default: the group's own
  void* after = nullptr;  ///< cudaEvent_t that send waits for on that stream
  void* done = nullptr;   ///< cudaEvent_t that receive records behind the results
  int num_sms = 0;        ///< SMs that the call takes at most; 0: GroupConfig::num_sms
};

/// Options must be equal on all ranks, but for max_recv_rows, out_x and execution.
struct DispatchOptions {
  Layout layout = Layout::kFlat;
  ReductionTree tree = ReductionTree::kPerRank;
  Quantize quantize = Quantize::kNone;
  ScaleOrder scale_order = ScaleOrder::kRowMajor;
  int expert_alignment = 1;  ///< kExpertContiguous: each expert's first row is a multiple of it
  /// Rows of the output, padding included; the result then has that size whatever arrives. If more would
  /// arrive, every rank gets CapacityExceeded and nothing is written. May differ between ranks.
  std::optional<std::int64_t> max_recv_rows = {};
  /// Ordinary memory to receive x into, [at least n, H], dense: costs a copy. Its first dimension is max_recv_rows
  /// where that is not given. It overlaps no input.
  TensorView out_x = {};
  Execution execution = {};
};

/// Bytes of rows (x and scales) that this rank sent. CUDA: -1, the GPU alone knows.
struct Traffic {
  std::int64_t logical_bytes = 0;  ///< a row a (token, rank), the own rank included
  std::int64_t peer_bytes = 0;     ///< those to other ranks
  std::int64_t node_bytes = 0;     ///< a row a (token, other node): what crosses between nodes
};

/// Views point into the own window and stay valid while a copy of `memory` lives.
struct DispatchResult {
  Handle handle;
  /// n: rows that arrived, padding included; kExpertPadded: the rows of all experts. -1 where the host did not wait for
  /// it: CUDA with max_recv_rows, or in kExpertPadded.
  std::int64_t num_rows = 0;
  TensorView device_num_rows;    ///< CUDA: int64 [1], the same number on the GPU; 0 where the call failed
  TensorView x;                  ///< [n or max_recv_rows, H]; kExpertPadded [E_local, R * T_max, H]
  TensorView scales;             ///< [.., S] beside x where x is fp8
  TensorView topk_weights;       ///< kFlat [n, K] (0 where idx is -1); expert layouts [n] or [E_local, R * T_max]
  TensorView tokens_per_expert;  ///< int32 [E_local]: rows an expert, without padding; kFlat: selections
  // kFlat
  TensorView topk_idx;  ///< [n, K], type of the input: local expert, or -1; past the last row -1
  // kExpertContiguous
  TensorView expert_offsets;  ///< int64 [E_local + 1]
  TensorView row_expert;      ///< int32 [n]; -1 = padding; past the last row -1
  TensorView source;          ///< int32 [n, 3]: (rank, token, k); padding (-1, -1, -1)
  // kExpertPadded
  TensorView source_count;  ///< int32 [E_local, R]: rows an (expert, source)
  TensorView source_begin;  ///< int32 [E_local, R]: first of them inside the expert
  TensorView source_token;  ///< int32 [E_local, R * T_max]: token at its source
  Traffic traffic;
  WindowBuffer memory;
};

struct CombineInput {
  ConstTensorView x = {};                  ///< rows as dispatch returned them; bf16, fp16 or fp32; dense
  ConstTensorView topk_weights = {};       ///< expert layouts: [T, K] fp32 of this rank's tokens; wins over dispatch's
  ConstTensorView recv_topk_weights = {};  ///< kFlat: [n, K] fp32; comes back as CombineResult::topk_weights
  ConstTensorView bias0 = {};              ///< [T, H], bf16, fp16 or fp32, dense; optional
  ConstTensorView bias1 = {};              ///< like bias0; added after it
};

struct CombineOptions {
  std::optional<DType> wire_dtype = {};  ///< rows are rounded to it before they cross; default: type of x
  std::optional<DType> out_dtype = {};   ///< type of y; default: type of x
  /// [T, H] dense; default: window memory. It overlaps no input, but may be exactly bias0 or bias1.
  TensorView out_y = {};
  Execution execution = {};
};

struct CombineResult {
  TensorView y;             ///< [T, H]
  TensorView topk_weights;  ///< [T, K] fp32 where recv_topk_weights were given; 0 where topk_idx is -1
  Traffic traffic;          ///< bytes of rows that this rank received; node_bytes: a row a (token, other node)
  WindowBuffer memory;
};

}  // namespace crossdock
