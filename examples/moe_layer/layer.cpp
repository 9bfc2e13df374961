#include "layer.hpp"

#include <algorithm>
#include <chrono>
#include <crossdock/rows.hpp>
#include <utility>

#include "fp8.hpp"

namespace moe_layer {
namespace {

using namespace crossdock;

GroupConfig group_config(const LayerConfig& config, int max_tokens) {
  return {.num_experts = config.num_experts,
          .top_k = config.top_k,
          .hidden = config.hidden,
          .max_tokens = std::max(max_tokens, 1),
          .element_bytes = 4,
          .live_results = 2};  // two micro-batches
}

DispatchInput dispatch_input(const LayerConfig& config, ConstRows x, const Routing& routing) {
  const int num_tokens = num_rows(config, x);
  return {.x = dense_view(x.data(), DType::kFp32, {num_tokens, config.hidden}),
          .topk_idx = dense_view(routing.topk_idx.data(), DType::kInt32, {num_tokens, config.top_k}),
          .topk_weights = dense_view(routing.topk_weights.data(), DType::kFp32, {num_tokens, config.top_k})};
}

/// Rows sorted by expert, each expert's together: one matrix product an expert.
DispatchOptions dispatch_options(Precision precision) {
  return {.layout = Layout::kExpertContiguous,
          .quantize = precision == Precision::kFp8 ? Quantize::kFp8 : Quantize::kNone};
}

CombineOptions combine_options(const LayerConfig& config, Precision precision, Rows y) {
  return {.wire_dtype = precision == Precision::kFp8 ? DType::kBf16 : DType::kFp32,
          .out_y = dense_view(y.data(), DType::kFp32, {num_rows(config, y), config.hidden})};
}

/// Milliseconds since the last lap.
class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration<double, std::milli>(now - std::exchange(start_, now)).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

MoeLayer::MoeLayer(const World& world, const LayerConfig& config, int max_tokens)
    : config_(config), group_(world, group_config(config, max_tokens)), router_(config) {
  const int first = group_.placement().first(group_.rank());
  for (int local = 0; local < group_.num_local_experts(); ++local) experts_.emplace_back(config, first + local);
}

Times MoeLayer::forward(ConstRows x, Rows y, Precision precision) {
  Times times;
  Stopwatch watch;
  const Routing routing = router_.route(x);
  times.gate = watch.lap();
  const DispatchResult rows = group_.dispatch(dispatch_input(config_, x, routing), dispatch_options(precision));
  times.dispatch = watch.lap();
  const Group::Allocation outputs = run_experts(rows);
  times.experts = watch.lap();
  // The weights that went along with dispatch are applied here.
  group_.combine(rows.handle, {.x = outputs.view}, combine_options(config_, precision, y));
  times.combine = watch.lap();
  return times;
}

void MoeLayer::forward_overlapped(ConstRows x, Rows y, Precision precision) {
  const ConstRows x0 = x.first(half(x));
  const ConstRows x1 = x.subspan(half(x));
  const Routing routing0 = router_.route(x0);
  PendingDispatch dispatch0 = group_.dispatch_send(dispatch_input(config_, x0, routing0), dispatch_options(precision));
  const Routing routing1 = router_.route(x1);
  PendingDispatch dispatch1 = group_.dispatch_send(dispatch_input(config_, x1, routing1), dispatch_options(precision));

  const DispatchResult rows0 = group_.dispatch_receive(std::move(dispatch0));
  const Group::Allocation outputs0 = run_experts(rows0);
  PendingCombine combine0 =
      group_.combine_send(rows0.handle, {.x = outputs0.view}, combine_options(config_, precision, y.first(half(x))));

  const DispatchResult rows1 = group_.dispatch_receive(std::move(dispatch1));
  const Group::Allocation outputs1 = run_experts(rows1);
  PendingCombine combine1 =
      group_.combine_send(rows1.handle, {.x = outputs1.view}, combine_options(config_, precision, y.subspan(half(x))));

  group_.combine_receive(std::move(combine0));
  group_.combine_receive(std::move(combine1));
}

std::size_t MoeLayer::half(ConstRows x) const {
  return static_cast<std::size_t>(num_rows(config_, x) / 2) * static_cast<std::size_t>(config_.hidden);
}

Group::Allocation MoeLayer::run_experts(const DispatchResult& rows) {
  // In the window, where the other ranks read it: combine copies nothing.
  Group::Allocation outputs = group_.allocate(DType::kFp32, {rows.num_rows, config_.hidden});
  const auto hidden = static_cast<std::size_t>(config_.hidden);
  std::vector<float> widened;
  for (std::size_t expert = 0; expert < experts_.size(); ++expert) {
    const RowRange own = rows_of_expert(rows, static_cast<int>(expert));
    const std::size_t size = static_cast<std::size_t>(own.count) * hidden;
    if (size == 0) continue;
    ConstRows x(static_cast<const float*>(rows.x.data) + own.begin * config_.hidden, size);
    if (rows.x.dtype == DType::kFp8E4m3) {
      widened.resize(size);
      dequantise(rows.x, rows.scales, own.begin, widened);
      x = widened;
    }
    experts_[expert].run(x, {static_cast<float*>(outputs.view.data) + own.begin * config_.hidden, size});
  }
  return outputs;
}

}  // namespace moe_layer
