#include "transport/launcher/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gather.hpp"

namespace crossdock::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using transport::parse_address;

TEST(Address, NamesAndAddressesComeAsTheyAre) {
  for (const char* text : {"localhost", "node-1", "node_1.cluster.local", "job-0.service.", "0a1b2c", "127.0.0.1",
                           "::1", "::", "fe80::1%eth0", "2001:db8::10", "::ffff:10.0.0.1"}) {
    EXPECT_EQ(parse_address(text, "x"), text);
  }
  EXPECT_EQ(parse_address(std::string(253, 'a'), "x"), std::string(253, 'a'));
}

TEST(Address, BracketsOfIpv6AreTakenOff) {
  EXPECT_EQ(parse_address("[::1]", "x"), "::1");
  EXPECT_EQ(parse_address("[fe80::1%eth0]", "x"), "fe80::1%eth0");
}

TEST(Address, WhatIsNoneIsRefused) {
  const std::string with_zero("a\0b", 3);
  for (const std::string& text : {std::string(),
                                  std::string(" "),
                                  std::string("a b"),
                                  std::string("tcp://a"),
                                  std::string("300.1.1.1"),
                                  std::string("10.0.0"),
                                  std::string("1234"),
                                  std::string("[127.0.0.1]"),
                                  std::string("[node]"),
                                  std::string("[::1"),
                                  std::string("::1]"),
                                  std::string("[]"),
                                  std::string(":::"),
                                  std::string("1:2:3"),
                                  std::string("node:"),
                                  std::string("fe80::1%"),
                                  std::string("fe80::1%a b"),
                                  std::string("-a"),
                                  std::string(".a"),
                                  std::string("a,b"),
                                  std::string(254, 'a'),
                                  with_zero}) {
    const Error error = error_of([&] { parse_address(text, "where"); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(std::string(error.message()),
                StartsWith("where: expected a host name, an IPv4 or an IPv6 address, got"));
  }
}

TEST(Address, APortIsRefusedByName) {
  for (const char* text : {"node:29500", "127.0.0.1:29500", "[::1]:29500"}) {
    EXPECT_THAT(error_of([&] { parse_address(text, "where"); }).what(),
                HasSubstr("without a port, which has a setting of its own, got \"" + std::string(text) + "\""));
  }
}

}  // namespace
}  // namespace crossdock::testing
