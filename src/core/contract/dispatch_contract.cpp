#include "core/contract/dispatch_contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "core/contract/execution.hpp"
#include "core/contract/overlap.hpp"
#include "core/contract/reject.hpp"
#include "core/topology/placement.hpp"

namespace crossdock::core {
namespace {

/// One dispatch call under examination.
struct Call {
  const DispatchInput& input;
  const DispatchOptions& options;
  const DispatchLimits& limits;
  Caller caller;

  std::int64_t num_tokens() const { return input.x.shape[0]; }
  std::int64_t hidden() const { return input.x.shape[1]; }
};

void check_shapes(const Call& call) {
  for (const auto& [what, tensor] : tensors_of(call.input, call.options)) check_shape(call.caller, what, tensor);
}

void check_choices(const Call& call) {
  const DispatchOptions& options = call.options;
  check_known(call.caller, "layout", options.layout, "flat, expert_contiguous or expert_padded");
  check_known(call.caller, "tree", options.tree, "per_rank, per_selection or hierarchical");
  check_known(call.caller, "quantize", options.quantize, "none, fp8, fp8_power_of_two or fp8_ue8m0");
  check_known(call.caller, "scale_order", options.scale_order, "row_major or column_major");
  check_execution(call.caller, options.execution);
}

void check_x(const Call& call) {
  const ConstTensorView& x = call.input.x;
  const bool known = is_plain_float(x.dtype) || x.dtype == DType::kFp8E4m3;
  if (x.num_dims != 2 || !known || (x.shape[1] != 1 && x.strides[1] != 1)) {
    reject(call.caller, "x", "bf16, fp16, fp32 or fp8 [T, H] with dense rows", describe(x));
  }
  check_memory(call.caller, "x", x);
  check_row(call.caller, "x", x.dtype, call.hidden(), call.limits.max_hidden, call.limits.max_element_bytes);
  if (x.shape[0] > 1 && x.strides[0] < x.shape[1]) {
    reject(call.caller, "x", fmt::format("rows at least their {} elements apart", x.shape[1]),
           fmt::format("a stride of {}", x.strides[0]));
  }
}

void check_num_tokens(const Call& call) {
  const Mode mode = mode_of(call.options.layout);
  if (call.limits.max_tokens <= 0) {
    reject(call.caller, "layout", fmt::format("a layout of a mode the group was made for"),
           fmt::format("{}, and the group has no {} mode (its largest T is 0)", name_of(call.options.layout),
                       name_of(mode)));
  }
  const std::int64_t most = std::min<std::int64_t>(call.limits.max_tokens, std::numeric_limits<std::int32_t>::max());
  if (call.num_tokens() < 0 || call.num_tokens() > most) {
    reject(call.caller, "x", fmt::format("at most {} tokens in {} mode", most, name_of(mode)),
           fmt::format("{}", call.num_tokens()));
  }
  if (call.limits.cached && call.limits.cached_tokens >= 0 && call.num_tokens() != call.limits.cached_tokens) {
    reject(call.caller, "x", fmt::format("the {} tokens of the handle", call.limits.cached_tokens),
           fmt::format("{}", call.num_tokens()));
  }
}

void check_scales(const Call& call) {
  const ConstTensorView& scales = call.input.scales;
  if (call.input.x.dtype != DType::kFp8E4m3) {
    if (scales.given()) reject(call.caller, "scales", "none beside x that is not fp8", describe(scales));
    return;
  }
  const bool fits = scales.num_dims == 2 && scales.shape[0] == call.num_tokens() && scales.shape[1] >= 1;
  if (!fits || (scales.dtype != DType::kFp32 && scales.dtype != DType::kInt32)) {
    reject(call.caller, "scales", fmt::format("fp32 or int32 [{}, S] beside fp8 x", call.num_tokens()),
           describe(scales));
  }
  check_memory(call.caller, "scales", scales);
}

template <typename Index>
void check_experts(const Call& call) {
  const ConstTensorView& topk_idx = call.input.topk_idx;
  const auto* begin = static_cast<const Index*>(topk_idx.data);
  const auto* end = begin + topk_idx.num_elements();
  const auto* bad = std::find_if(begin, end, [&](Index e) { return e < -1 || e >= call.limits.num_experts; });
  if (bad == end) return;
  const std::int64_t top_k = topk_idx.shape[1];
  reject(call.caller, fmt::format("topk_idx[{}, {}]", (bad - begin) / top_k, (bad - begin) % top_k),
         fmt::format("-1 or an expert of [0, {})", call.limits.num_experts), fmt::format("{}", *bad));
}

void check_topk_idx(const Call& call) {
  const ConstTensorView& topk_idx = call.input.topk_idx;
  if (call.limits.cached) {
    if (topk_idx.given()) reject(call.caller, "topk_idx", "none: the handle has it", describe(topk_idx));
    return;
  }
  const bool integers = topk_idx.dtype == DType::kInt32 || topk_idx.dtype == DType::kInt64;
  const bool fits = topk_idx.num_dims == 2 && topk_idx.shape[0] == call.num_tokens() && topk_idx.shape[1] >= 1 &&
                    topk_idx.shape[1] <= call.limits.max_top_k;
  if (!fits || !integers || !is_dense(topk_idx)) {
    reject(call.caller, "topk_idx",
           fmt::format("dense int32 or int64 [{}, K], K of [1, {}]", call.num_tokens(), call.limits.max_top_k),
           describe(topk_idx));
  }
  check_memory(call.caller, "topk_idx", topk_idx);
  if (!call.limits.host_memory) return;
  topk_idx.dtype == DType::kInt64 ? check_experts<std::int64_t>(call) : check_experts<std::int32_t>(call);
}

void check_topk_weights(const Call& call) {
  const ConstTensorView& weights = call.input.topk_weights;
  if (!weights.given()) return;
  const std::int64_t top_k = call.limits.cached ? call.limits.cached_top_k : call.input.topk_idx.shape[1];
  check_weights(call.caller, "topk_weights", weights, call.num_tokens(), top_k);
}

void check_quantize(const Call& call) {
  if (call.options.quantize == Quantize::kNone) return;
  const std::string_view asked = name_of(call.options.quantize);
  if (call.input.x.dtype == DType::kFp8E4m3) {
    reject(call.caller, "quantize", "none: x is fp8 already", asked);
  }
  if (call.hidden() % kQuantBlock != 0) {
    reject(call.caller, "quantize", fmt::format("hidden that is a multiple of {}", kQuantBlock),
           fmt::format("{} with hidden {}", asked, call.hidden()));
  }
}

void check_tree(const Call& call) {
  if (call.options.tree != ReductionTree::kPerSelection) return;
  if (call.options.layout == Layout::kFlat) {
    reject(call.caller, "tree", "per_rank or hierarchical: a flat row is a rank's sum", name_of(call.options.tree));
  }
  if (call.limits.num_nodes != 1) {
    reject(call.caller, "tree", "per_rank or hierarchical across nodes",
           fmt::format("{} with {} nodes", name_of(call.options.tree), call.limits.num_nodes));
  }
}

void check_capacity(const Call& call) {
  const DispatchOptions& options = call.options;
  if (options.expert_alignment < 1 ||
      (options.layout == Layout::kExpertContiguous && options.expert_alignment > call.limits.max_expert_alignment)) {
    reject(call.caller, "expert_alignment", fmt::format("[1, {}]", call.limits.max_expert_alignment),
           fmt::format("{}", options.expert_alignment));
  }
  if (!options.max_recv_rows) return;
  if (options.layout == Layout::kExpertPadded) {
    reject(call.caller, "max_recv_rows", "none: the shape of expert_padded is static",
           fmt::format("{}", *options.max_recv_rows));
  }
  if (*options.max_recv_rows < 0) {
    reject(call.caller, "max_recv_rows", "at least 0", fmt::format("{}", *options.max_recv_rows));
  }
}

void check_out_x(const Call& call) {
  const ConstTensorView out = call.options.out_x;
  if (!out.given()) return;
  const DType dtype = row_dtype(call.input.x.dtype, call.options.quantize);
  const bool padded = call.options.layout == Layout::kExpertPadded;
  const Placement placement{.num_experts = call.limits.num_experts, .num_ranks = call.limits.num_ranks};
  const std::int64_t experts = placement.num_local(call.limits.rank);
  const std::int64_t rows =
      padded ? call.limits.num_ranks * call.limits.max_tokens : call.options.max_recv_rows.value_or(0);
  const bool fits = padded ? out.num_dims == 3 && out.shape[0] == experts && out.shape[1] == rows
                           : out.num_dims == 2 && out.shape[0] >= rows;
  const auto last = static_cast<std::size_t>(padded ? 2 : 1);
  if (!fits || out.shape[last] != call.hidden() || out.dtype != dtype || !is_dense(out)) {
    const std::string shape = padded ? fmt::format("[{}, {}, {}]", experts, rows, call.hidden())
                                     : fmt::format("[at least {}, {}]", rows, call.hidden());
    reject(call.caller, "out_x", fmt::format("dense {} {}", name_of(dtype), shape), describe(out));
  }
  check_memory(call.caller, "out_x", out);
  const auto tensors = tensors_of(call.input, call.options);
  check_apart(call.caller, std::span(tensors).last(1), std::span(tensors).first(tensors.size() - 1));
}

}  // namespace

void check_dispatch(const DispatchInput& input, const DispatchOptions& options, const DispatchLimits& limits) {
  const Call call{input, options, limits, {.operation = "dispatch", .rank = limits.rank}};
  check_choices(call);
  check_shapes(call);
  check_x(call);
  check_num_tokens(call);
  check_scales(call);
  check_topk_idx(call);
  check_topk_weights(call);
  check_quantize(call);
  check_tree(call);
  check_capacity(call);
  check_out_x(call);
}

std::array<Named, 5> tensors_of(const DispatchInput& input, const DispatchOptions& options) {
  return {{{"x", input.x},
           {"scales", input.scales},
           {"topk_idx", input.topk_idx},
           {"topk_weights", input.topk_weights},
           {"out_x", options.out_x}}};
}

std::optional<std::int64_t> row_capacity(const DispatchOptions& options) {
  if (options.layout == Layout::kExpertPadded) return std::nullopt;
  if (options.max_recv_rows || !options.out_x.given()) return options.max_recv_rows;
  return options.out_x.shape[0];
}

DType row_dtype(DType x, Quantize quantize) { return quantize == Quantize::kNone ? x : DType::kFp8E4m3; }

}  // namespace crossdock::core
