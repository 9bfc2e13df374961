#include "transport/launcher/host_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gather.hpp"

namespace crossdock::testing {
namespace {

using ::testing::StartsWith;
using transport::parse_host_list;

struct Case {
  const char* text;
  const char* first;
  std::int64_t num_hosts;
};

// First host and number of hosts as `scontrol show hostnames` (Slurm 22.05) prints them, but for what stands behind
// brackets, which later versions take.
TEST(HostList, FirstHostAndNumberAreSlurms) {
  for (const Case& one : {Case{"n1", "n1", 1},
                          {"n1-2", "n1-2", 1},
                          {"a,b", "a", 2},
                          {"b,a", "b", 2},
                          {"n[1-3]", "n1", 3},
                          {"n[01-03]", "n01", 3},
                          {"n[001-3]", "n001", 3},
                          {"n[09-11]", "n09", 3},
                          {"n[1-0002]", "n1", 2},
                          {"n[1,01,2,10]", "n1", 4},
                          {"n[3,1-2]", "n3", 3},
                          {"n[5,3,5]", "n5", 3},
                          {"gpu[08-11,8]", "gpu08", 5},
                          {"n[1-2],n[1-2]", "n1", 4},
                          {"n[1-65536]", "n1", 65'536},
                          {"[1-3]", "1", 3},
                          {"r[0-1]n[0-1]", "r0n0", 4},
                          {"n[1-2][3-4]", "n13", 4},
                          {"r[0-1]n[2-3]x[4-5]", "r0n2x4", 8},
                          {"n[1-2]s[3]", "n1s3", 2},
                          {"n[4294967295]", "n4294967295", 1},
                          {"n[1-2]-ib", "n1-ib", 2},
                          {"dgx-[001-003,007].cluster.local,login", "dgx-001.cluster.local", 5}}) {
    const auto list = parse_host_list(one.text, "x");
    EXPECT_EQ(list.first, one.first) << one.text;
    EXPECT_EQ(list.num_hosts, one.num_hosts) << one.text;
  }
}

TEST(HostList, WhatIsNoneIsRefused) {
  for (const char* text : {"",
                           ",",
                           ",a",
                           "a,",
                           "a,,b",
                           "a b",
                           "a, b",
                           "a[",
                           "a[1",
                           "a]",
                           "a[]",
                           "a[1-]",
                           "a[-1]",
                           "a[1,]",
                           "a[,1]",
                           "a[x-y]",
                           "a[1-2-3]",
                           "a[2-1]",
                           "a[1 ,2]",
                           "a[[1-2]]",
                           "a[+1]",
                           "a[1-2",
                           "a[0-65536]",
                           "a[1-70000]",
                           "a[18446744073709551616]",
                           "a[1-65536][1-65536][1-65536]",
                           "a\t",
                           "a\n"}) {
    const Error error = error_of([&] { parse_host_list(text, "where"); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(error.message()), StartsWith("where: expected a list of hosts")) << text;
  }
}

}  // namespace
}  // namespace crossdock::testing
