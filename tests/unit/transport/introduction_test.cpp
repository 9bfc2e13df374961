#include "transport/bootstrap/introduction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gather.hpp"
#include "transport/bootstrap/unix_socket.hpp"
#include "transport/bootstrap/wire.hpp"

namespace crossdock::testing {
namespace {

using namespace transport;
using ::testing::HasSubstr;

const MemoryOffer kOffer{.window_bytes = 4096, .num_signals = 3};

TEST(Introduction, ComesBack) {
  const Introduction sent = introduce("crossdock-name", kOffer);
  const Introduction received = parse_introduction(bytes_of(sent), 1);
  EXPECT_EQ(text_of(received.socket_name), "crossdock-name");
  EXPECT_EQ(received.offer.window_bytes, 4096U);
  EXPECT_EQ(received.offer.num_signals, 3);
  EXPECT_EQ(received.pid, ::getpid());
  EXPECT_FALSE(text_of(received.machine).empty());
  EXPECT_FALSE(text_of(received.host).empty());
}

TEST(Introduction, NamesAndTokensCannotBeGuessed) {
  EXPECT_NE(unguessable_socket_name(), unguessable_socket_name());
  EXPECT_NE(introduce("", kOffer).token, introduce("", kOffer).token);
  EXPECT_LT(unguessable_socket_name().size(), Introduction{}.socket_name.size());
}

TEST(Introduction, OtherBytesAreRefused) {
  EXPECT_THAT(error_of([] { parse_introduction(std::vector<std::byte>(8), 5); }).what(),
              HasSubstr("introduction of rank 5: expected 408 bytes, got 8"));
  Introduction wrong = introduce("", kOffer);
  wrong.version = 9;
  EXPECT_THAT(error_of([&] { parse_introduction(bytes_of(wrong), 5); }).what(), HasSubstr("got version 9"));
  wrong = introduce("", kOffer);
  wrong.magic = 0;
  EXPECT_THROW(parse_introduction(bytes_of(wrong), 5), Error);
  wrong = introduce("", kOffer);
  wrong.socket_name.fill('x');  // without its end
  EXPECT_THROW(parse_introduction(bytes_of(wrong), 5), Error);
}

TEST(Introduction, RanksOfOtherMachinesAreNamed) {
  std::vector<Introduction> all(3, introduce("", kOffer));
  EXPECT_NO_THROW(check_neighbours(all));
  all[2].machine[0] = static_cast<char>(all[2].machine[0] ^ 1);
  const Error error = error_of([&] { check_neighbours(all); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(), HasSubstr("expected all ranks on one machine"));
  EXPECT_THAT(error.what(), HasSubstr("and rank 2 on"));
}

TEST(Introduction, RanksOfOtherUsersAreNamed) {
  std::vector<Introduction> all(2, introduce("", kOffer));
  all[1].uid += 1;
  EXPECT_THAT(error_of([&] { check_neighbours(all); }).what(), HasSubstr("expected all ranks to run as one user"));
}

}  // namespace
}  // namespace crossdock::testing
