// Any bytes are refused as InvalidArgument, or are an array whose values are all there.
#include "npy.hpp"

#include "base/assert.hpp"
#include "crossdock/error.hpp"
#include "input.hpp"

namespace {

/// What was accepted: the values fill the shape, and the bytes had room for them.
void check(const crossdock::tools::NpyRouting& routing, std::size_t num_bytes) {
  CROSSDOCK_ASSERT(routing.num_ranks >= 0 && routing.num_tokens >= 0 && routing.top_k >= 0);
  CROSSDOCK_ASSERT(routing.values.size() <= num_bytes / 4);
  std::size_t left = routing.values.size();
  for (const std::int64_t size : {routing.num_ranks, routing.num_tokens, routing.top_k}) {
    if (left == 0) return;
    CROSSDOCK_ASSERT(size > 0 && left % static_cast<std::size_t>(size) == 0);
    left /= static_cast<std::size_t>(size);
  }
  CROSSDOCK_ASSERT(left == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check(crossdock::tools::parse_npy(crossdock::fuzz::Input(data, size).rest()), size);
  } catch (const crossdock::Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
  }
  return 0;
}
