#include "ours/latency.hpp"

#include <memory>

#include "harness/memory.hpp"

namespace crossdock::peers {
namespace {

constexpr int kPairs = 500;

struct Inputs {
  Inputs(const Job& job, int rank)
      : x(static_cast<std::size_t>(job.tokens) * job.row_bytes()), topk_idx(make_topk_idx(job, rank)) {
    fill_rows(job, Stream::kTokens, rank, x.as<std::uint16_t>());
    tokens = {
        .x = dense_view(static_cast<const void*>(x.data()), DType::kBf16, {job.tokens, job.hidden}),
        .topk_idx = dense_view(static_cast<const void*>(topk_idx.data()), DType::kInt32, {job.tokens, job.top_k})};
  }

  Memory x;
  std::vector<std::int32_t> topk_idx;
  DispatchInput tokens;
  CombineResult combined;
};

}  // namespace

Group make_latency_group(const World& world, const Job& job, int max_tokens) {
  return {world,
          {.num_experts = job.experts, .top_k = job.top_k, .hidden = job.hidden, .latency_max_tokens = max_tokens}};
}

// The rows that arrived go back as they are, so they lie in the window.
Operation latency_pairs(Group& group, const Job& job) {
  const auto inputs = std::make_shared<Inputs>(job, group.rank());
  return {.name = "pair",
          .run =
              [&group, inputs] {
                for (int pair = 0; pair < kPairs; ++pair) {
                  const DispatchResult rows =
                      group.dispatch_receive(group.dispatch_send(inputs->tokens, {.layout = Layout::kExpertPadded}));
                  inputs->combined = group.combine_receive(group.combine_send(rows.handle, {.x = rows.x}));
                }
              },
          .digest =
              [inputs](Digest& digest) {
                const TensorView& y = inputs->combined.y;
                digest.add({static_cast<const std::byte*>(y.data), y.num_bytes()});
              },
          .repeats = kPairs};
}

}  // namespace crossdock::peers
