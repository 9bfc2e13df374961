// crossdock/gpu.hpp in a library without CUDA: every function says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_ranks.hpp"

namespace crossdock::test {
namespace {

TEST(WithoutCuda, EveryFunctionSaysSo) {
  constexpr const char* kText = "expected a library built with CUDA, got one built without";
  const auto refuses = [&](const char* name, const std::function<void()>& call) {
    EXPECT_ERROR(call(), ErrorCode::kInvalidArgument, std::string("gpu::") + name + ": " + kText);
  };
  refuses("gate", [] { gpu::gate({}, {}, {}, {}, {}, nullptr); });
  refuses("quantize", [] { gpu::quantize({}, Quantize::kFp8, {}, {}, nullptr); });
  refuses("restore", [] { gpu::restore({}, {}, Quantize::kFp8, {}, nullptr); });
  refuses("routing_scratch_bytes", [] { (void)gpu::routing_scratch_bytes(16); });
  refuses("count_routing", [] { gpu::count_routing({}, 8, 2, {}, nullptr, 0, nullptr); });
  refuses("footprint", [] { (void)gpu::footprint(); });
}

}  // namespace
}  // namespace crossdock::test
