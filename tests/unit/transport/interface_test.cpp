#include "transport/bootstrap/interface.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gather.hpp"

namespace crossdock::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Interface, TheAddressOfLoopback) { EXPECT_EQ(transport::address_of_interface("lo"), "127.0.0.1"); }

TEST(Interface, AnUnknownOneIsNamedWithThoseThereAre) {
  const Error error = error_of([] { transport::address_of_interface("nosuch0"); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("lo"), HasSubstr("got \"nosuch0\"")));
}

TEST(Interface, OthersReachNoLoopbackAndNoAddressOfOneLink) {
  EXPECT_THAT(transport::reachable_addresses(),
              Each(AllOf(Not(StartsWith("127.")), Not("::1"), Not(StartsWith("fe80")))));
}

}  // namespace
}  // namespace crossdock::testing
