#include "harness/host_rows.hpp"

namespace crossdock::gpu {
namespace {

int draw_expert(const Case& c, std::mt19937& random) {
  if (std::uniform_real_distribution<>(0, 1)(random) < c.none) return -1;
  if (c.skewed && random() % 16 != 0) return static_cast<int>(random() % 2);
  return static_cast<int>(random() % static_cast<unsigned>(c.num_experts));
}

}  // namespace

void draw_ranks(Case& c, int max_tokens, std::mt19937& random) {
  for (int rank = 0; rank < c.num_ranks; ++rank) {
    const bool empty = random() % 5 == 0;
    c.tokens.push_back(empty ? 0 : static_cast<int>(random() % static_cast<unsigned>(max_tokens + 1)));
  }
  if (c.num_ranks < 2 || random() % 4 != 0) return;
  const int masked = static_cast<int>(random() % static_cast<unsigned>(c.num_ranks));
  for (int rank = 0; rank < c.num_ranks; ++rank) {
    if (rank != masked) c.live.push_back(rank);
  }
}

HostRank draw_rank(const Case& c, int tokens, std::mt19937& random) {
  HostRank rank;
  std::normal_distribution<float> normal;
  for (int i = 0; i < tokens * c.row_bytes(); ++i) rank.x.push_back(static_cast<std::uint8_t>(random()));
  for (int i = 0; i < tokens * c.scale_words; ++i) rank.scales.push_back(normal(random));
  for (int i = 0; i < tokens * c.top_k; ++i) {
    rank.idx.push_back(draw_expert(c, random));
    rank.idx32.push_back(static_cast<std::int32_t>(rank.idx.back()));
    rank.weights.push_back(normal(random));
  }
  return rank;
}

DispatchInput input_of(const Case& c, const HostRank& rank, int tokens) {
  DispatchInput input{.x = dense_view(static_cast<const void*>(rank.x.data()), c.dtype, {tokens, c.hidden})};
  const void* idx = c.idx_is_64 ? static_cast<const void*>(rank.idx.data()) : rank.idx32.data();
  input.topk_idx = dense_view(idx, c.idx_is_64 ? DType::kInt64 : DType::kInt32, {tokens, c.top_k});
  if (c.scale_words > 0) {
    input.scales = dense_view(static_cast<const void*>(rank.scales.data()), DType::kFp32, {tokens, c.scale_words});
    if (c.column_major_scales) input.scales.strides = {1, tokens};
  }
  if (c.weights) {
    input.topk_weights = dense_view(static_cast<const void*>(rank.weights.data()), DType::kFp32, {tokens, c.top_k});
  }
  return input;
}

DeviceInput upload(const Case& c, const HostRank& rank, int tokens) {
  DeviceInput input;
  input.x = DeviceBuffer::copy_of(rank.x);
  input.scales = DeviceBuffer::copy_of(rank.scales);
  input.idx = c.idx_is_64 ? DeviceBuffer::copy_of(rank.idx) : DeviceBuffer::copy_of(rank.idx32);
  input.weights = DeviceBuffer::copy_of(rank.weights);
  input.source = {.num_tokens = tokens,
                  .top_k = c.top_k,
                  .row_bytes = c.row_bytes(),
                  .scale_words = c.scale_words,
                  .column_major_scales = c.column_major_scales,
                  .idx_is_64 = c.idx_is_64,
                  .recv_idx_is_64 = c.idx_is_64,
                  .x = input.x.as<std::byte>(),
                  .scales = input.scales.as<std::uint32_t>(),
                  .topk_idx = input.idx.as<void>(),
                  .topk_weights = c.weights ? input.weights.as<float>() : nullptr};
  return input;
}

}  // namespace crossdock::gpu
