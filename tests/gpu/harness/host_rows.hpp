// One collective call and what its ranks put in, drawn at random.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include "crossdock/operations.hpp"
#include "harness/node.hpp"

namespace crossdock::gpu {

/// Equal on all ranks but for the tokens.
struct Case {
  int num_ranks = 2;
  int num_experts = 16;
  int top_k = 4;
  int hidden = 256;  ///< of x in its type
  DType dtype = DType::kBf16;
  int scale_words = 0;
  bool column_major_scales = false;
  bool idx_is_64 = true;
  bool weights = true;
  double none = 0.1;    ///< part of the selections that are -1
  bool skewed = false;  ///< nearly all go to the first expert's rank
  int num_sms = 8;
  std::vector<int> tokens = {};
  std::vector<int> live = {};  ///< empty = all

  int row_bytes() const { return hidden * static_cast<int>(size_of(dtype)); }
};

/// What one rank puts in, in host memory.
struct HostRank {
  std::vector<std::uint8_t> x;
  std::vector<float> scales;
  std::vector<std::int64_t> idx;
  std::vector<std::int32_t> idx32;
  std::vector<float> weights;
};

struct DeviceInput {
  DeviceBuffer x, scales, idx, weights;
  DispatchSource source;
};

template <typename T>
T pick(std::mt19937& random, std::initializer_list<T> values) {
  return values.begin()[random() % values.size()];
}

/// Tokens, and now and then ranks that are not live.
void draw_ranks(Case& c, int max_tokens, std::mt19937& random);
HostRank draw_rank(const Case& c, int tokens, std::mt19937& random);
DispatchInput input_of(const Case& c, const HostRank& rank, int tokens);
/// To the current device.
DeviceInput upload(const Case& c, const HostRank& rank, int tokens);

}  // namespace crossdock::gpu
