// A user's first program: it sees the installed tree alone.
#include <crossdock/crossdock.hpp>
#include <iostream>
#include <vector>

int main() try {
  using namespace crossdock;
  Group group(World::threads(1)[0], {.num_experts = 4, .top_k = 2, .hidden = 8, .max_tokens = 2, .element_bytes = 4});
  const std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const std::vector<int> topk_idx{0, 3, 2, -1};
  const DispatchResult rows = group.dispatch({.x = dense_view(x.data(), DType::kFp32, {2, 8}),
                                              .topk_idx = dense_view(topk_idx.data(), DType::kInt32, {2, 2})});
  const CombineResult sums = group.combine(rows.handle, {.x = rows.x});
  const auto* y = static_cast<const float*>(sums.y.data);
  std::cout << "crossdock " << version() << ": " << describe(sums.y) << '\n';
  return std::vector<float>(y, y + x.size()) == x ? 0 : 1;
} catch (const crossdock::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
