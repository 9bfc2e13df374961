#include "ours/throughput.hpp"

#include <optional>

#include "harness/memory.hpp"

namespace crossdock::peers {
namespace {

ConstTensorView view(const void* data, DType dtype, std::int64_t rows, std::int64_t columns) {
  return dense_view(data, dtype, {rows, columns});
}

void add(Digest& digest, const TensorView& tensor) {
  if (tensor.given()) digest.add({static_cast<const std::byte*>(tensor.data), tensor.num_bytes()});
}

/// Tokens as dispatch quantises them, by a group of one rank that sends them to itself.
class ReadyFp8 {
 public:
  ReadyFp8(const Job& job, const ConstTensorView& x)
      : group_(World::threads(1)[0],
               {.num_experts = 1, .top_k = 1, .hidden = job.hidden, .max_tokens = job.tokens, .expert_layout = false}),
        topk_idx_(static_cast<std::size_t>(job.tokens), 0),
        result_(group_.dispatch({.x = x, .topk_idx = view(topk_idx_.data(), DType::kInt32, job.tokens, 1)},
                                {.quantize = Quantize::kFp8})) {}

  const TensorView& x() const { return result_.x; }
  const TensorView& scales() const { return result_.scales; }

 private:
  Group group_;
  std::vector<std::int32_t> topk_idx_;
  DispatchResult result_;
};

}  // namespace

struct ThroughputJob::State {
  State(const World& world, const Job& job);

  void dispatch(const DispatchInput& input, const DispatchOptions& options = {});
  void combine(const ConstTensorView& rows);
  Operation dispatch_operation(const char* name, const DispatchInput& input, const DispatchOptions& options = {});
  Operation combine_operation(const char* name, const ConstTensorView& rows);

  Group group;
  Memory x;
  std::vector<std::int32_t> topk_idx;
  DispatchInput tokens;
  DispatchInput fp8_tokens;
  std::optional<ReadyFp8> ready;
  std::optional<DispatchResult> dispatched;
  std::optional<CombineResult> combined;
  Handle handle;
  Group::Allocation inside;         // combine's input, in the window
  std::optional<Memory> elsewhere;  // and in other memory
};

ThroughputJob::State::State(const World& world, const Job& job)
    : group(world, {.num_experts = job.experts,
                    .top_k = job.top_k,
                    .hidden = job.hidden,
                    .max_tokens = job.tokens,
                    .expert_layout = false}),
      x(static_cast<std::size_t>(job.tokens) * job.row_bytes()),
      topk_idx(make_topk_idx(job, world.rank())),
      tokens{.x = view(x.data(), DType::kBf16, job.tokens, job.hidden),
             .topk_idx = view(topk_idx.data(), DType::kInt32, job.tokens, job.top_k)} {
  fill_rows(job, Stream::kTokens, world.rank(), x.as<std::uint16_t>());
  ready.emplace(job, tokens.x);
  fp8_tokens = {.x = ready->x(), .scales = ready->scales(), .topk_idx = tokens.topk_idx};
  dispatch(tokens);
  handle = dispatched->handle;
  const std::int64_t rows = dispatched->num_rows;
  elsewhere.emplace(static_cast<std::size_t>(rows) * job.row_bytes());
  fill_rows(job, Stream::kExpertOutputs, world.rank(), elsewhere->as<std::uint16_t>());
  inside = group.allocate(DType::kBf16, {rows, job.hidden});
  fill_rows(job, Stream::kExpertOutputs, world.rank(),
            {static_cast<std::uint16_t*>(inside.view.data), static_cast<std::size_t>(inside.view.num_elements())});
}

// The last result goes first, so that the next one finds its pages, which are mapped in.
void ThroughputJob::State::dispatch(const DispatchInput& input, const DispatchOptions& options) {
  dispatched.reset();
  dispatched = group.dispatch(input, options);
}

void ThroughputJob::State::combine(const ConstTensorView& rows) {
  combined.reset();
  combined = group.combine(handle, {.x = rows});
}

Operation ThroughputJob::State::dispatch_operation(const char* name, const DispatchInput& input,
                                                   const DispatchOptions& options) {
  return {.name = name,
          .run = [this, input, options] { dispatch(input, options); },
          .digest =
              [this](Digest& digest) {
                add(digest, dispatched->x);
                add(digest, dispatched->topk_idx);
                add(digest, dispatched->scales);
              },
          .rows = [this] { return static_cast<std::uint64_t>(dispatched->num_rows); }};
}

Operation ThroughputJob::State::combine_operation(const char* name, const ConstTensorView& rows) {
  return {.name = name,
          .run = [this, rows] { combine(rows); },
          .digest = [this](Digest& digest) { add(digest, combined->y); },
          .rows = [this] { return static_cast<std::uint64_t>(handle.num_rows()); }};
}

ThroughputJob::ThroughputJob(const World& world, const Job& job) : state_(std::make_unique<State>(world, job)) {}
ThroughputJob::~ThroughputJob() = default;

std::vector<Operation> ThroughputJob::operations() {
  State& state = *state_;
  const TensorView& inside = state.inside.view;
  const ConstTensorView elsewhere = view(state.elsewhere->data(), DType::kBf16, inside.shape[0], inside.shape[1]);
  return {state.dispatch_operation("dispatch", state.tokens), state.combine_operation("combine.window", inside),
          state.combine_operation("combine.elsewhere", elsewhere),
          state.dispatch_operation("fp8.inside", state.tokens, {.quantize = Quantize::kFp8}),
          state.dispatch_operation("fp8.ready", state.fp8_tokens)};
}

}  // namespace crossdock::peers
