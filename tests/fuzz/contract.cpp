// Any call of dispatch or combine is refused as InvalidArgument, or it is one that a backend can carry out: what is
// asserted of accepted calls is what the backends rely on.
#include <array>
#include <limits>

#include "base/assert.hpp"
#include "base/known.hpp"
#include "core/contract/combine_contract.hpp"
#include "core/contract/dispatch_contract.hpp"
#include "crossdock/config.hpp"
#include "crossdock/error.hpp"
#include "input.hpp"

namespace {

using namespace crossdock;
using fuzz::Input;

constexpr int kMostTokens = 32;
constexpr DType kTypes[]{DType::kBf16, DType::kFp16, DType::kFp32, DType::kFp8E4m3, DType::kInt32, DType::kInt64};
constexpr Layout kLayouts[]{Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded};

/// What topk_idx points to: the contract reads it, and nothing else of an input.
std::array<std::int64_t, std::size_t{kMostTokens} * kMaxTopK> indices;

/// Outputs lie far away, mostly: the contract compares their addresses and reads nothing there.
const void* const kOutputs = reinterpret_cast<const void*>(std::uintptr_t{1} << 42);

const void* read_address(Input& input, const void* usual) {
  switch (input.between(0, 15)) {
    case 0:
      return nullptr;
    case 1:
      return reinterpret_cast<const std::byte*>(indices.data()) + 1;
    case 2:
      return indices.data() + 8;
    case 3:
      return indices.data();
    default:
      return usual;
  }
}

int read_num_dims(Input& input) {
  constexpr int kUnlikely[]{-1, 4, 5, 255, std::numeric_limits<int>::max(), std::numeric_limits<int>::min()};
  const auto byte = static_cast<int>(input.bits(1));
  return byte < 0xC0 ? byte % 6 - 1 : kUnlikely[byte % 6];
}

/// A view of the shape wanted, or of another one.
ConstTensorView read_view(Input& input, DType dtype, std::initializer_list<std::int64_t> shape,
                          const void* usual = indices.data()) {
  const void* data = read_address(input, usual);
  ConstTensorView view = dense_view(data, DType::kFp8E4m3, shape);
  view.dtype = dtype;
  if (input.flag()) return view;
  view.dtype = input.any_of(kTypes);
  view.num_dims = read_num_dims(input);
  for (auto& size : view.shape) size = input.flag() ? input.between(0, 64) : input.any<std::int64_t>();
  for (auto& stride : view.strides) stride = input.flag() ? input.between(0, 64) : input.any<std::int64_t>();
  return view;
}

/// The same, or not given.
ConstTensorView read_optional(Input& input, DType dtype, std::initializer_list<std::int64_t> shape,
                              const void* usual = indices.data()) {
  return input.flag() ? read_view(input, dtype, shape, usual) : ConstTensorView{};
}

TensorView read_output(Input& input, DType dtype, std::initializer_list<std::int64_t> shape) {
  const ConstTensorView view = read_optional(input, dtype, shape, kOutputs);
  return {const_cast<void*>(view.data), view.dtype, view.num_dims, view.shape, view.strides};
}

/// Of dense tensors.
bool share_memory(const ConstTensorView& a, const ConstTensorView& b) {
  const auto begin = [](const ConstTensorView& view) { return reinterpret_cast<std::uintptr_t>(view.data); };
  return a.num_bytes() != 0 && b.num_bytes() != 0 && begin(a) < begin(b) + b.num_bytes() &&
         begin(b) < begin(a) + a.num_bytes();
}

std::optional<DType> read_type(Input& input) {
  return input.flag() ? std::optional(input.any_of(kTypes)) : std::nullopt;
}

core::DispatchLimits read_limits(Input& input) {
  const int num_ranks = input.between(1, 8);
  return {.rank = input.between(0, num_ranks - 1),
          .num_ranks = num_ranks,
          .num_nodes = input.between(1, 2),
          .num_experts = input.between(1, 64),
          .max_top_k = input.between(1, kMaxTopK),
          .max_hidden = input.one_of({8, 128, 1 << 20}),
          .max_tokens = input.between(0, kMostTokens),
          .max_expert_alignment = input.between(1, 128),
          .max_element_bytes = input.one_of<std::size_t>({2, 4}),
          .cached = input.flag(),
          .cached_tokens = input.between(0, kMostTokens),
          .cached_top_k = input.between(1, kMaxTopK)};
}

DispatchOptions read_dispatch_options(Input& input) {
  DispatchOptions options{
      .layout = input.any_of(kLayouts),
      .tree = input.any_of({ReductionTree::kPerRank, ReductionTree::kPerSelection, ReductionTree::kHierarchical}),
      .quantize = input.any_of({Quantize::kNone, Quantize::kFp8, Quantize::kFp8PowerOfTwo, Quantize::kFp8Ue8m0}),
      .scale_order = input.any_of({ScaleOrder::kRowMajor, ScaleOrder::kColumnMajor}),
      .expert_alignment = input.flag() ? 1 : input.any<int>()};
  if (input.flag()) options.max_recv_rows = input.any<std::int64_t>();
  return options;
}

void check_accepted(const DispatchInput& input, const DispatchOptions& options, const core::DispatchLimits& limits) {
  const std::int64_t tokens = input.x.shape[0];
  const std::int64_t hidden = input.x.shape[1];
  CROSSDOCK_ASSERT(input.x.num_dims == 2 && tokens >= 0 && tokens <= limits.max_tokens);
  CROSSDOCK_ASSERT(hidden >= 1 && hidden <= limits.max_hidden);
  CROSSDOCK_ASSERT(static_cast<std::size_t>(hidden) * size_of(input.x.dtype) % 16 == 0);
  CROSSDOCK_ASSERT(input.scales.given() == (input.x.dtype == DType::kFp8E4m3));
  CROSSDOCK_ASSERT(options.quantize == Quantize::kNone || hidden % kQuantBlock == 0);
  CROSSDOCK_ASSERT(input.topk_idx.given() != limits.cached);
  CROSSDOCK_ASSERT(core::row_capacity(options).value_or(0) >= 0);
  CROSSDOCK_ASSERT(tokens <= 1 || input.x.strides[0] >= hidden);
  CROSSDOCK_ASSERT(base::is_known(options.layout) && base::is_known(options.tree) && base::is_known(options.quantize) &&
                   base::is_known(options.scale_order));
  CROSSDOCK_ASSERT(!share_memory(options.out_x, input.topk_idx) && !share_memory(options.out_x, input.topk_weights));
  if (limits.cached) return;
  CROSSDOCK_ASSERT(input.topk_idx.shape[0] == tokens && input.topk_idx.shape[1] <= limits.max_top_k);
  for (std::int64_t i = 0; i < input.topk_idx.num_elements(); ++i) {
    const std::int64_t expert = input.topk_idx.dtype == DType::kInt64
                                    ? static_cast<const std::int64_t*>(input.topk_idx.data)[i]
                                    : static_cast<const std::int32_t*>(input.topk_idx.data)[i];
    CROSSDOCK_ASSERT(expert >= -1 && expert < limits.num_experts);
  }
}

void fuzz_dispatch(Input& input) {
  const core::DispatchLimits limits = read_limits(input);
  DispatchOptions options = read_dispatch_options(input);
  const std::int64_t tokens = input.between(0, kMostTokens);
  const std::int64_t hidden = input.one_of({8, 16, 128, 1 << 20});
  const std::int64_t top_k = input.between(1, kMaxTopK);
  const DispatchInput call{
      .x = read_view(input, input.any_of(kTypes), {tokens, hidden}),
      .scales = read_optional(input, DType::kFp32, {tokens, 1}),
      .topk_idx = read_optional(input, input.flag() ? DType::kInt32 : DType::kInt64, {tokens, top_k}),
      .topk_weights = read_optional(input, DType::kFp32, {tokens, top_k})};
  const int out_rows = input.between(0, 64);
  options.out_x = read_output(input, input.any_of(kTypes), {out_rows, hidden});
  indices.fill(-1);
  for (std::size_t i = 0; i < indices.size() && !input.empty(); ++i) {
    indices[i] = input.flag() ? input.between(0, 63) : input.any<std::int64_t>();
  }
  core::check_dispatch(call, options, limits);
  check_accepted(call, options, limits);
}

core::CombineFacts read_facts(Input& input) {
  return {.rank = input.between(0, 7),
          .layout = input.one_of(kLayouts),
          .num_tokens = input.between(0, kMostTokens),
          .top_k = input.between(1, kMaxTopK),
          .num_rows = input.between(0, 64),
          .num_local_experts = input.between(0, 4),
          .rows_per_expert = input.between(1, 64),
          .max_hidden = input.one_of({8, 128, 1 << 20}),
          .max_element_bytes = input.one_of<std::size_t>({2, 4})};
}

ConstTensorView read_rows(Input& input, const core::CombineFacts& facts, std::int64_t hidden) {
  const DType dtype = input.any_of(kTypes);
  if (facts.layout == Layout::kExpertPadded) {
    return read_view(input, dtype, {facts.num_local_experts, facts.rows_per_expert, hidden});
  }
  return read_view(input, dtype, {facts.num_rows, hidden});
}

void check_accepted(const CombineInput& input, const CombineOptions& options, const core::CombineFacts& facts) {
  const std::int64_t hidden = input.x.shape[facts.layout == Layout::kExpertPadded ? 2 : 1];
  CROSSDOCK_ASSERT(hidden >= 1 && hidden <= facts.max_hidden);
  CROSSDOCK_ASSERT(facts.layout == Layout::kExpertPadded || input.x.shape[0] >= facts.num_rows);
  CROSSDOCK_ASSERT(size_of(core::wire_dtype(input, options)) <= facts.max_element_bytes);
  CROSSDOCK_ASSERT(!input.topk_weights.given() || facts.layout != Layout::kFlat);
  CROSSDOCK_ASSERT(!input.recv_topk_weights.given() || facts.layout == Layout::kFlat);
  for (const ConstTensorView& rows : {input.bias0, input.bias1, ConstTensorView(options.out_y)}) {
    CROSSDOCK_ASSERT(!rows.given() || (rows.shape[0] == facts.num_tokens && rows.shape[1] == hidden));
  }
  for (const ConstTensorView& other :
       {input.x, input.topk_weights, input.recv_topk_weights, input.bias0, input.bias1}) {
    const bool is_same = other.data == options.out_y.data && other.dtype == options.out_y.dtype;
    CROSSDOCK_ASSERT(!share_memory(options.out_y, other) || is_same);
  }
}

void fuzz_combine(Input& input) {
  const core::CombineFacts facts = read_facts(input);
  const std::int64_t hidden = input.one_of({8, 16, 128, 1 << 20});
  const CombineInput call{.x = read_rows(input, facts, hidden),
                          .topk_weights = read_optional(input, DType::kFp32, {facts.num_tokens, facts.top_k}),
                          .recv_topk_weights = read_optional(input, DType::kFp32, {facts.num_rows, facts.top_k}),
                          .bias0 = read_optional(input, input.any_of(kTypes), {facts.num_tokens, hidden}),
                          .bias1 = read_optional(input, input.any_of(kTypes), {facts.num_tokens, hidden})};
  const CombineOptions options{.wire_dtype = read_type(input),
                               .out_dtype = read_type(input),
                               .out_y = read_output(input, input.any_of(kTypes), {facts.num_tokens, hidden})};
  core::check_combine(call, options, facts);
  check_accepted(call, options, facts);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  try {
    input.flag() ? fuzz_dispatch(input) : fuzz_combine(input);
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(error.code() == ErrorCode::kInvalidArgument);
  }
  return 0;
}
