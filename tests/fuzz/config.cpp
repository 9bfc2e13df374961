// Any configuration is refused as InvalidArgument, or the bytes it requires hold what has to fit: sums are repeated
// here in 128 bits, so an overflow shows.
#include "crossdock/config.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "crossdock/error.hpp"
#include "input.hpp"

namespace {

using crossdock::GroupConfig;
using crossdock::RequiredBytes;
using crossdock::fuzz::Input;

using Wide = unsigned __int128;

/// Mostly a number that makes sense, so that whole configurations are accepted.
int read_number(Input& input, int low, int high) { return input.flag() ? input.between(low, high) : input.any<int>(); }

GroupConfig read_config(Input& input) {
  GroupConfig config{.num_experts = read_number(input, 1, 255),
                     .top_k = read_number(input, 1, 32),
                     .hidden = read_number(input, 1, 255),
                     .max_tokens = read_number(input, 0, 255),
                     .latency_max_tokens = read_number(input, 0, 255),
                     .ranks_per_node = read_number(input, 0, 4),
                     .element_bytes = read_number(input, 2, 4),
                     .expert_layout = input.flag(),
                     .expert_alignment = read_number(input, 1, 128),
                     .latency_slots = read_number(input, 2, 8),
                     .live_results = read_number(input, 1, 16),
                     .backend = input.any_of({crossdock::Backend::kCpu, crossdock::Backend::kCuda}),
                     .deadline = std::chrono::milliseconds(read_number(input, 1, 255))};
  config.device = read_number(input, -1, 8);
  config.num_sms = read_number(input, 0, 32);
  config.num_threads = read_number(input, 0, 8);
  return config;
}

Wide wide(int value) { return static_cast<Wide>(value); }

/// Rows of the largest result, without padding.
Wide most_rows(const GroupConfig& config, int num_ranks) {
  const Wide selections = config.expert_layout ? wide(std::min(config.top_k, config.num_experts)) : 1;
  return wide(num_ranks) * wide(config.max_tokens) * selections;
}

void check(const GroupConfig& config, int num_ranks, const RequiredBytes& required) {
  CROSSDOCK_ASSERT(config.backend == crossdock::Backend::kCpu || config.backend == crossdock::Backend::kCuda);
  CROSSDOCK_ASSERT(config.device >= -1 && config.num_sms >= 0 && config.num_threads >= 0);
  CROSSDOCK_ASSERT(Wide{required.window} == Wide{required.control} + required.latency + required.results);
  CROSSDOCK_ASSERT(Wide{required.all_ranks} >= Wide{required.window} * wide(num_ranks));
  const Wide row_bytes = wide(config.hidden) * wide(config.element_bytes);
  // Output and combine input.
  CROSSDOCK_ASSERT(Wide{required.results} >= 2 * wide(config.live_results) * most_rows(config, num_ranks) * row_bytes);
  CROSSDOCK_ASSERT(Wide{required.latency} >=
                   wide(config.latency_slots) * wide(num_ranks) * wide(config.latency_max_tokens) * row_bytes);
  CROSSDOCK_ASSERT(required.control > static_cast<std::size_t>(num_ranks));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const int num_ranks = read_number(input, 1, 64);
  const GroupConfig config = read_config(input);
  try {
    check(config, num_ranks, crossdock::required_bytes(config, num_ranks));
  } catch (const crossdock::Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
  }
  return 0;
}
