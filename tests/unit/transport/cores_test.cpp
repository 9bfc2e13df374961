#include "transport/system/cores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <thread>

#include "../bind_to_one_core.hpp"
#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

CpuQuota quota(std::uint64_t folder, std::uint64_t thousandths) {
  return {.device = 29, .folder = folder, .thousandths = thousandths};
}

void expect_share(const std::vector<CoreClaim>& claims, int rank, int threads, bool may_spin) {
  const CoreShare share = share_of(rank, claims);
  EXPECT_EQ(share.threads, threads) << "rank " << rank;
  EXPECT_EQ(share.may_spin, may_spin) << "rank " << rank;
}

TEST(CoreShare, CoresAreDividedByTheRanksThatShareThem) {
  const std::vector<CoreClaim> claims(3, {.mask = {0xFF}});
  for (int rank = 0; rank < 3; ++rank) expect_share(claims, rank, 2, true);
  expect_share({{.mask = {0xFF}}}, 0, 8, true);
  expect_share(std::vector<CoreClaim>(9, {.mask = {0xFF}}), 4, 1, false);
}

TEST(CoreShare, ARankThatIsBoundSharesItsOwnCoresOnly) {
  expect_share({{.mask = {0x1}}, {.mask = {0x2}}}, 0, 1, true);
  expect_share({{.mask = {0x1}}, {.mask = {0x1}}}, 1, 1, false);
  const std::vector<CoreClaim> sockets{{.mask = {0xF}}, {.mask = {0xF}}, {.mask = {0xF0}}, {.mask = {0, 0xFF}}};
  expect_share(sockets, 0, 2, true);
  expect_share(sockets, 1, 2, true);
  expect_share(sockets, 2, 4, true);
  expect_share(sockets, 3, 8, true);
}

TEST(CoreShare, MasksThatOverlapInPartAreShared) {
  const std::vector<CoreClaim> claims{{.mask = {0x3}}, {.mask = {0x6}}, {.mask = {0xF8}}};
  expect_share(claims, 0, 1, true);
  expect_share(claims, 1, 1, true);
  expect_share(claims, 2, 5, true);
}

TEST(CoreShare, AQuotaIsRoundedUpAndDividedByTheRanksOfItsGroup) {
  expect_share({{.mask = {0xFF}, .quotas = {quota(1, 2500)}}}, 0, 3, true);
  expect_share(std::vector<CoreClaim>(2, {.mask = {0xFF}, .quotas = {quota(1, 2500)}}), 0, 1, true);
  expect_share(std::vector<CoreClaim>(2, {.mask = {0xFF}, .quotas = {quota(1, 1500)}}), 0, 1, false);
  expect_share({{.mask = {0xFF}, .quotas = {quota(1, 200)}}}, 0, 1, false);
}

TEST(CoreShare, EachRankInAContainerOfItsOwnHasItsQuotaForItself) {
  std::vector<CoreClaim> claims;
  for (std::uint64_t rank = 0; rank < 4; ++rank) claims.push_back({.mask = {~0ULL}, .quotas = {quota(rank, 8000)}});
  for (int rank = 0; rank < 4; ++rank) expect_share(claims, rank, 8, true);
}

TEST(CoreShare, TheTightestOfSeveralQuotasCounts) {
  const CoreClaim task{.mask = {0xFFFF}, .quotas = {quota(1, 6000), quota(2, 4000)}};
  const CoreClaim other{.mask = {0xFFFF}, .quotas = {quota(1, 6000), quota(3, 2000)}};
  expect_share({task}, 0, 4, true);
  expect_share({task, other}, 0, 3, true);
  expect_share({task, other}, 1, 2, true);
}

TEST(CoreClaim, CrossesAsBytes) {
  const CoreClaim claim{.mask = {1, 0, 5}, .quotas = {quota(7, 1500), quota(8, 10)}};
  const std::vector<std::byte> message(3, std::byte{9});
  const auto [messages, claims] = split_claims({with_claim(message, claim), with_claim(message, {})}, message.size());
  EXPECT_EQ(messages, std::vector(2, message));
  ASSERT_EQ(claims.size(), 2U);
  EXPECT_EQ(claims[0].mask, claim.mask);
  EXPECT_EQ(with_claim({}, claims[0]), with_claim({}, claim));
  EXPECT_TRUE(claims[1].mask.empty());
}

TEST(CoreClaim, OtherBytesAreRefused) {
  const std::vector<std::byte> good = with_claim({}, {.mask = {1}, .quotas = {quota(7, 1500)}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    if (size == 16) continue;  // a claim without quotas
    EXPECT_THROW(split_claims({{good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}}, 0), Error) << size;
  }
}

TEST(CoreClaim, IsWhatTheCallingThreadMayUse) {
  CoreClaim bound;
  std::thread([&] {
    test::bind_to_one_core();
    bound = claim_cores();
  }).join();
  ASSERT_FALSE(bound.mask.empty());
  EXPECT_EQ(std::popcount(bound.mask.back()), 1);
  EXPECT_EQ(share_of(0, std::vector{bound}).threads, 1);
  EXPECT_FALSE(share_of(0, std::vector{bound, bound}).may_spin);
}

}  // namespace
}  // namespace crossdock::transport
