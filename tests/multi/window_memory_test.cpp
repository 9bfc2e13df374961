// What required_bytes promises against what the system says is mapped.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "crossdock/crossdock.hpp"
#include "fork_ranks.hpp"
#include "free_port.hpp"

namespace crossdock::testing {
namespace {

/// Sums of the lines "Size:" and "Rss:" of the mappings of all ranks' windows in this process.
struct MappedBytes {
  std::size_t size = 0;
  std::size_t resident = 0;
};

MappedBytes mapped_windows() {
  std::ifstream smaps("/proc/self/smaps");
  MappedBytes mapped;
  bool is_window = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find('-') < line.find(' ')) is_window = line.find("memfd:crossdock") != std::string::npos;
    if (!is_window) continue;
    if (line.starts_with("Size:")) mapped.size += std::stoull(line.substr(5)) * 1024;
    if (line.starts_with("Rss:")) mapped.resident += std::stoull(line.substr(4)) * 1024;
  }
  return mapped;
}

TEST(WindowMemory, SixteenRanksTakeNoMoreThanRequired) {
  constexpr int kRanks = 16;
  constexpr std::int64_t kTokens = 512;
  constexpr std::int64_t kHidden = 512;
  constexpr std::int64_t kTopK = 4;
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(kRanks, [&](int rank) {
    const GroupConfig config{
        .num_experts = 64, .top_k = kTopK, .hidden = kHidden, .max_tokens = kTokens, .live_results = 1};
    Group group(World::tcp({.rank = rank, .num_ranks = kRanks, .port = port}), config);
    const std::vector<std::uint16_t> x(kTokens * kHidden, 0x3F80);
    std::vector<std::int32_t> topk_idx(kTokens * kTopK);
    for (std::size_t i = 0; i < topk_idx.size(); ++i) topk_idx[i] = static_cast<std::int32_t>((i * 7 + rank) % 64);
    const DispatchInput input{
        .x = dense_view(static_cast<const void*>(x.data()), DType::kBf16, {kTokens, kHidden}),
        .topk_idx = dense_view(static_cast<const void*>(topk_idx.data()), DType::kInt32, {kTokens, kTopK})};
    for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous}) {
      const DispatchResult result = group.dispatch(input, {.layout = layout});
      group.combine(result.handle, {.x = result.x});
    }
    const MappedBytes mapped = mapped_windows();
    EXPECT_GT(mapped.resident, 0U);
    EXPECT_LE(mapped.size, required_bytes(config, kRanks).all_ranks);
  }));
}

TEST(WindowMemory, UntouchedWindowsCostNothing) {
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    const GroupConfig config{.num_experts = 64, .hidden = 7168, .max_tokens = 8192};
    Group group(World::tcp({.rank = rank, .num_ranks = 2, .port = port}), config);
    EXPECT_EQ(group.window_sharing(), WindowSharing::kFileDescriptors);
    const MappedBytes mapped = mapped_windows();
    EXPECT_GT(mapped.size, std::size_t{1} << 30);
    EXPECT_LT(mapped.resident, std::size_t{32} << 20);
  }));
}

}  // namespace
}  // namespace crossdock::testing
