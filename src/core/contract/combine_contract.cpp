#include "core/contract/combine_contract.hpp"

#include <fmt/format.h>

#include <span>

#include "core/contract/execution.hpp"
#include "core/contract/overlap.hpp"
#include "core/contract/reject.hpp"

namespace crossdock::core {
namespace {

/// One combine call under examination.
struct Call {
  const CombineInput& input;
  const CombineOptions& options;
  const CombineFacts& facts;
  Caller caller;

  std::int64_t hidden() const { return input.x.shape[input.x.num_dims == 3 ? 2 : 1]; }
};

void check_shapes(const Call& call) {
  for (const auto& [what, tensor] : tensors_of(call.input, call.options)) check_shape(call.caller, what, tensor);
}

void check_x(const Call& call) {
  const ConstTensorView& x = call.input.x;
  const CombineFacts& facts = call.facts;
  const bool padded = facts.layout == Layout::kExpertPadded;
  const bool fits =
      padded ? x.num_dims == 3 && x.shape[0] == facts.num_local_experts && x.shape[1] == facts.rows_per_expert
             : x.num_dims == 2 && x.shape[0] >= facts.num_rows;
  if (!fits || !is_plain_float(x.dtype) || !is_dense(x)) {
    const std::string shape = padded ? fmt::format("[{}, {}, H]", facts.num_local_experts, facts.rows_per_expert)
                                     : fmt::format("[at least {}, H]", facts.num_rows);
    reject(call.caller, "x", fmt::format("dense bf16, fp16 or fp32 {}", shape), describe(x));
  }
  check_memory(call.caller, "x", x);
  check_row(call.caller, "x", x.dtype, call.hidden(), facts.max_hidden, facts.max_element_bytes);
}

void check_types(const Call& call) {
  const DType wire = wire_dtype(call.input, call.options);
  const DType out = out_dtype(call.input, call.options);
  if (!is_plain_float(wire)) reject(call.caller, "wire_dtype", "bf16, fp16 or fp32", base::shown(wire));
  check_row(call.caller, "wire_dtype", wire, call.hidden(), call.facts.max_hidden, call.facts.max_element_bytes);
  if (!is_plain_float(out)) reject(call.caller, "out_dtype", "bf16, fp16 or fp32", base::shown(out));
  if (!call.options.out_y.given() && size_of(out) > call.facts.max_element_bytes) {
    reject(call.caller, "out_dtype",
           fmt::format("elements of at most {} bytes, or out_y", call.facts.max_element_bytes), name_of(out));
  }
}

void check_all_weights(const Call& call) {
  const bool flat = call.facts.layout == Layout::kFlat;
  const ConstTensorView& weights = call.input.topk_weights;
  const ConstTensorView& received = call.input.recv_topk_weights;
  if (weights.given()) {
    if (flat) reject(call.caller, "topk_weights", "none: flat rows are weighted by the caller", describe(weights));
    check_weights(call.caller, "topk_weights", weights, call.facts.num_tokens, call.facts.top_k);
  }
  if (received.given()) {
    if (!flat) reject(call.caller, "recv_topk_weights", "none: they belong to the flat layout", describe(received));
    const std::int64_t rows =
        received.num_dims == 2 && received.shape[0] > call.facts.num_rows ? received.shape[0] : call.facts.num_rows;
    check_weights(call.caller, "recv_topk_weights", received, rows, call.facts.top_k);
  }
}

/// [T, H]; `expected` names the types that `right_type` stands for.
void check_token_rows(const Call& call, std::string_view what, const ConstTensorView& tensor, bool right_type,
                      std::string_view expected) {
  const bool fits =
      tensor.num_dims == 2 && tensor.shape[0] == call.facts.num_tokens && tensor.shape[1] == call.hidden();
  if (!fits || !right_type || !is_dense(tensor)) {
    reject(call.caller, what, fmt::format("dense {} [{}, {}]", expected, call.facts.num_tokens, call.hidden()),
           describe(tensor));
  }
  check_memory(call.caller, what, tensor);
}

/// y may take a bias's place, element by element, but no other part of its memory.
void check_y_apart(const Call& call) {
  auto tensors = tensors_of(call.input, call.options);
  const Named& y = tensors.back();
  for (Named& input : std::span(tensors).first(tensors.size() - 1)) {
    const bool is_bias = input.what == "bias0" || input.what == "bias1";
    if (is_bias && input.view.data == y.view.data && input.view.dtype == y.view.dtype) input.view = {};
  }
  check_apart(call.caller, std::span(tensors).last(1), std::span(tensors).first(tensors.size() - 1));
}

void check_y(const Call& call) {
  const ConstTensorView y = call.options.out_y;
  if (!y.given()) return;
  const DType out = out_dtype(call.input, call.options);
  check_token_rows(call, "out_y", y, y.dtype == out, name_of(out));
  check_y_apart(call);
}

void check_bias(const Call& call, std::string_view what, const ConstTensorView& bias) {
  if (bias.given()) check_token_rows(call, what, bias, is_plain_float(bias.dtype), "bf16, fp16 or fp32");
}

}  // namespace

void check_combine(const CombineInput& input, const CombineOptions& options, const CombineFacts& facts) {
  const Call call{input, options, facts, {.operation = "combine", .rank = facts.rank}};
  check_execution(call.caller, options.execution);
  check_shapes(call);
  check_x(call);
  check_types(call);
  check_all_weights(call);
  check_bias(call, "bias0", input.bias0);
  check_bias(call, "bias1", input.bias1);
  check_y(call);
}

std::array<Named, 6> tensors_of(const CombineInput& input, const CombineOptions& options) {
  return {{{"x", input.x},
           {"topk_weights", input.topk_weights},
           {"recv_topk_weights", input.recv_topk_weights},
           {"bias0", input.bias0},
           {"bias1", input.bias1},
           {"out_y", options.out_y}}};
}

DType wire_dtype(const CombineInput& input, const CombineOptions& options) {
  return options.wire_dtype.value_or(input.x.dtype);
}

DType out_dtype(const CombineInput& input, const CombineOptions& options) {
  return options.out_dtype.value_or(input.x.dtype);
}

}  // namespace crossdock::core
