#include "engine/dispatch_call.hpp"

#include <fmt/format.h>

#include <string>

#include "core/numeric/quantize.hpp"
#include "crossdock/error.hpp"
#include "engine/window_layout.hpp"

namespace crossdock::engine {

RowFormat format_of(const DispatchInput& input, const DispatchOptions& options, int top_k) {
  RowFormat format{.x_dtype = core::row_dtype(input.x.dtype, options.quantize),
                   .hidden = input.x.shape[1],
                   .top_k = top_k,
                   .weights_given = input.topk_weights.given()};
  if (options.quantize != Quantize::kNone) {
    format.scale_dtype = core::scale_dtype(options.quantize);
    format.scale_words = core::scale_words(static_cast<int>(format.hidden), options.quantize);
  } else if (input.scales.given()) {
    format.scale_dtype = input.scales.dtype;
    format.scale_words = input.scales.shape[1];
  }
  return format;
}

DispatchOptions effective_options(const DispatchOptions& options, const HandleFacts* cached) {
  DispatchOptions effective = options;
  if (cached != nullptr) {
    effective.layout = cached->layout;
    effective.tree = cached->tree;
    effective.expert_alignment = cached->expert_alignment;
    effective.max_recv_rows = cached->capacity;
  }
  return effective;
}

core::DispatchLimits dispatch_limits(const GroupConfig& config, int rank, const core::Topology& topology, Layout layout,
                                     const HandleFacts* cached) {
  core::DispatchLimits limits{
      .rank = rank,
      .num_ranks = topology.num_ranks,
      .num_nodes = topology.num_nodes(),
      .num_experts = config.num_experts,
      .max_top_k = config.top_k,
      .max_hidden = config.hidden,
      .max_tokens = mode_of(layout) == Mode::kLatency ? config.latency_max_tokens : config.max_tokens,
      .max_expert_alignment = config.expert_alignment,
      .max_element_bytes = static_cast<std::size_t>(config.element_bytes),
      .host_memory = config.backend == Backend::kCpu,
      .cached = cached != nullptr};
  if (cached != nullptr) {
    limits.cached_tokens = cached->num_tokens();
    limits.cached_top_k = cached->top_k();
  }
  return limits;
}

void check_group_limits(const GroupConfig& config, int rank, const DispatchInput& input,
                        const DispatchOptions& options) {
  const auto refuse = [&](const std::string& text) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("dispatch, rank {}: {}", rank, text),
                {.operation = "dispatch", .phase = "input", .rank = rank, .peer = rank});
  };
  if (options.layout == Layout::kExpertContiguous && !config.expert_layout) {
    refuse("layout: expected flat in a group made with expert_layout = false, got expert_contiguous");
  }
  const std::int64_t words = input.scales.given() ? input.scales.shape[1] : 0;
  if (words > max_scale_words(config)) {
    refuse(fmt::format("scales: expected at most {} words a token, got {}", max_scale_words(config), words));
  }
}

void check_handle(std::uint64_t group, std::int64_t epoch, int rank, const HandleFacts* handle, const char* operation) {
  const auto refuse = [&](const std::string& text) {
    throw Error(ErrorCode::kInvalidHandle, fmt::format("{}, rank {}: {}", operation, rank, text),
                {.operation = operation, .phase = "input", .rank = rank, .peer = rank});
  };
  if (handle == nullptr) {
    refuse("handle: expected one that dispatch of this group returned, got an empty one or another backend's");
  }
  if (handle->group != group) refuse("handle: expected one of this group, got one of another group");
  if (handle->epoch != epoch) {
    refuse(fmt::format("handle: expected one of epoch {}, got one of epoch {}", epoch, handle->epoch));
  }
}

Agreement agreement_of(const RowFormat& format, const DispatchOptions& options, const HandleFacts& handle,
                       bool cached) {
  Agreement agreement;
  const auto set = [&](Agreed field, auto value) { agreement.set(field, static_cast<std::int64_t>(value)); };
  set(Agreed::kCall, CallKind::kDispatch);
  set(Agreed::kHandle, cached ? handle.sequence + 1 : 0);
  set(Agreed::kLayout, options.layout);
  set(Agreed::kTree, options.tree);
  set(Agreed::kQuantize, options.quantize);
  set(Agreed::kScaleOrder, options.scale_order);
  set(Agreed::kExpertAlignment, options.expert_alignment);
  set(Agreed::kXDtype, format.x_dtype);
  set(Agreed::kHidden, format.hidden);
  set(Agreed::kTopK, format.top_k);
  set(Agreed::kScaleWords, format.scale_words);
  set(Agreed::kScaleDtype, format.scale_dtype);
  set(Agreed::kIdxDtype, handle.idx_dtype);
  set(Agreed::kWeightsGiven, format.weights_given);
  return agreement;
}

}  // namespace crossdock::engine
