#include "crossdock/version.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace crossdock {
namespace {

TEST(Version, TheLibraryIsOfItsHeaders) {
  EXPECT_EQ(version(), fmt::format("{}.{}.{}", kVersionMajor, kVersionMinor, kVersionPatch));
}

}  // namespace
}  // namespace crossdock
