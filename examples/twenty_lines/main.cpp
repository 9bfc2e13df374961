#include <crossdock/crossdock.hpp>
#include <thread>

#include "my_model.hpp"  // yours: MyTokens, make_my_tokens, run_my_experts, use
using namespace crossdock;

void run_rank(const World& world) {
  Group group(world, {.num_experts = 64, .top_k = 8, .hidden = 7168, .max_tokens = 4096, .expert_alignment = 128});

  MyTokens tokens = make_my_tokens(world.rank());  // x [T, 7168] bf16, topk_idx [T, 8], topk_weights [T, 8]
  DispatchResult rows =
      group.dispatch({.x = dense_view(tokens.x.data(), DType::kBf16, {tokens.count, 7168}),
                      .topk_idx = dense_view(tokens.topk_idx.data(), DType::kInt64, {tokens.count, 8}),
                      .topk_weights = dense_view(tokens.topk_weights.data(), DType::kFp32, {tokens.count, 8})},
                     {.layout = Layout::kExpertContiguous, .quantize = Quantize::kFp8, .expert_alignment = 128});

  auto [y_rows, memory] = group.allocate(DType::kBf16, {rows.num_rows, 7168});  // combine reads it in place
  run_my_experts(rows.x, rows.scales, rows.expert_offsets, y_rows);

  CombineResult result = group.combine(rows.handle, {.x = y_rows});
  use(world, tokens, result.y);  // [T, 7168], weighted and summed
}

int main(int num_words, char** words) {
  const auto worlds = num_words == 1 ? std::vector{World::from_environment()}  // torchrun, mpirun, srun, ... started it
                                     : World::threads(std::stoi(words[1]));    // this process is all ranks
  std::vector<std::jthread> threads;
  for (const World& world : worlds) threads.emplace_back(run_rank, world);
}
