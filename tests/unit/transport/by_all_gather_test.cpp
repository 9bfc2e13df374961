#include "transport/bootstrap/by_all_gather.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "../../multi/fork_ranks.hpp"
#include "../../multi/free_port.hpp"
#include "gather.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Every rank's world over threads, each with what `wrap` makes of the callback.
void run_over_threads(int num_ranks, const std::function<AllGather(int rank, AllGather)>& wrap,
                      const std::function<void(int rank, AllGather)>& body) {
  const auto threads = World::threads(num_ranks);
  run_threads(num_ranks, [&](int rank) {
    body(rank, wrap(rank, all_gather_over(threads[static_cast<std::size_t>(rank)].bootstrap())));
  });
}

AllGather as_it_is(int /*rank*/, AllGather all_gather) { return all_gather; }

TEST(ByAllGather, SizesMayDifferRoundAfterRound) {
  run_over_threads(4, as_it_is, [](int rank, AllGather all_gather) {
    const World world = World::from_all_gather(rank, 4, std::move(all_gather));
    EXPECT_EQ(world.rank(), rank);
    EXPECT_EQ(world.num_ranks(), 4);
    for (int round = 0; round < 50; ++round) {
      const std::string number = std::to_string(round);
      const auto texts = gather_text(*world.bootstrap(), rank == 2 ? "" : std::string(rank * 10UL, 'a') + number);
      ASSERT_THAT(texts, ElementsAre(number, std::string(10, 'a') + number, "", std::string(30, 'a') + number));
    }
    EXPECT_THAT(gather_text(*world.bootstrap(), ""), ElementsAre("", "", "", ""));
  });
}

TEST(ByAllGather, TheCallbackIsToldTheDeadlineThatIsLeft) {
  const auto check = [](int /*rank*/, AllGather all_gather) -> AllGather {
    return [all_gather](auto mine, auto all, std::chrono::milliseconds deadline) {
      EXPECT_LE(deadline, 7s);
      EXPECT_GT(deadline, 0s);
      EXPECT_EQ(all.size(), 2 * mine.size());
      all_gather(mine, all, deadline);
    };
  };
  run_over_threads(2, check, [](int rank, AllGather all_gather) {
    const World world = World::from_all_gather(rank, 2, std::move(all_gather), 7s);
    gather_text(*world.bootstrap(), "x", 6s);
  });
}

TEST(ByAllGather, ThreadsOfOneProcessAreSeen) {
  run_over_threads(2, as_it_is, [](int rank, AllGather all_gather) {
    EXPECT_TRUE(World::from_all_gather(rank, 2, std::move(all_gather)).bootstrap()->same_process());
  });
}

TEST(ByAllGather, ForksAreProcesses) {
  run_over_threads(2, as_it_is, [](int rank, AllGather all_gather) {  // draws the number that a fork inherits
    World::from_all_gather(rank, 2, std::move(all_gather));
  });
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    const World tcp = World::tcp({.rank = rank, .num_ranks = 2, .port = port});
    const World world = World::from_all_gather(rank, 2, all_gather_over(tcp.bootstrap()));
    EXPECT_FALSE(world.bootstrap()->same_process());
    EXPECT_THAT(gather_text(*world.bootstrap(), std::to_string(rank)), ElementsAre("0", "1"));
  }));
}

TEST(ByAllGather, WhatTheCallbackThrowsPassesThrough) {
  struct Own {};
  const auto fail = [](auto, auto, auto) { throw Own{}; };
  EXPECT_THROW(World::from_all_gather(0, 2, fail), Own);
  std::array<bool, 2> broken{};  // each used by its own rank
  const auto break_later = [&](int rank, AllGather all_gather) -> AllGather {
    return
        [&mine_is_broken = broken.at(static_cast<std::size_t>(rank)), all_gather](auto mine, auto all, auto deadline) {
          if (mine_is_broken) throw Own{};
          all_gather(mine, all, deadline);
        };
  };
  run_over_threads(2, break_later, [&](int rank, AllGather all_gather) {
    const World world = World::from_all_gather(rank, 2, std::move(all_gather));
    broken.at(static_cast<std::size_t>(rank)) = true;
    EXPECT_THROW(gather_text(*world.bootstrap(), "x"), Own);
    EXPECT_THROW((void)world.split(0, 0), Own);
  });
}

/// The Error of every rank where `change` is made to what the callback returns.
void expect_refused(const std::function<void(int rank, std::span<std::byte> all)>& change, ErrorCode code,
                    const std::string& text) {
  const auto wrap = [&](int rank, AllGather all_gather) -> AllGather {
    return [&change, rank, all_gather](auto mine, auto all, auto deadline) {
      all_gather(mine, all, deadline);
      change(rank, all);
    };
  };
  run_over_threads(3, wrap, [&](int rank, AllGather all_gather) {
    const Error error = error_of([&] { World::from_all_gather(rank, 3, all_gather); });
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(text));
    EXPECT_EQ(error.report().operation, "bootstrap");
    EXPECT_EQ(error.report().rank, rank);
  });
}

TEST(ByAllGather, WhatComesBackIsChecked) {
  expect_refused([](int, auto all) { std::ranges::fill(all, std::byte{0}); }, ErrorCode::kInvalidArgument,
                 "all_gather callback: expected this rank's own bytes at its place");
  expect_refused(
      [](int, auto all) {
        std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 3), all.end());
      },
      ErrorCode::kInvalidArgument, "own bytes at its place");
  // The own place is right, the others are swapped.
  expect_refused(
      [](int rank, auto all) {
        const std::size_t one = all.size() / 3;
        const std::size_t a = rank == 0 ? 1 : 0;
        const std::size_t b = rank == 2 ? 1 : 2;
        std::ranges::swap_ranges(all.subspan(a * one, one), all.subspan(b * one, one));
      },
      ErrorCode::kInvalidArgument, "expected the bytes of rank");
  expect_refused(
      [](int rank, auto all) {
        const std::size_t one = all.size() / 3;
        std::ranges::fill(all.subspan((rank == 0 ? 1U : 0U) * one, one), std::byte{7});
      },
      ErrorCode::kInvalidArgument, "of this library at place");
}

TEST(ByAllGather, NumbersOfRanksThatDifferAreRefused) {
  run_over_threads(2, as_it_is, [](int rank, AllGather all_gather) {
    // Rank 1 believes in a third rank, whose place its callback leaves as it is.
    const auto two_of_three = [all_gather](auto mine, std::span<std::byte> all, auto deadline) {
      all_gather(mine, all.first(2 * mine.size()), deadline);
    };
    const Error error = error_of(
        [&] { rank == 0 ? World::from_all_gather(0, 2, all_gather) : World::from_all_gather(1, 3, two_of_three); });
    EXPECT_EQ(error.code(), ErrorCode::kOptionsMismatch);
    EXPECT_THAT(error.what(), HasSubstr("number of ranks: expected the same on all"));
  });
}

TEST(ByAllGather, ARankThatIsOneExchangeAheadIsNamed) {
  run_over_threads(2, as_it_is, [](int rank, AllGather all_gather) {
    const World world = World::from_all_gather(rank, 2, all_gather);
    // Another world, or a bug, lets rank 0 use the same exchange once more.
    if (rank == 0) {
      EXPECT_THROW(World::from_all_gather(rank, 2, all_gather), Error);
    } else {
      const Error error = error_of([&] { gather_text(*world.bootstrap(), "x"); });
      EXPECT_THAT(error.what(), HasSubstr("expected exchange 1 of rank 0, got exchange 0"));
    }
  });
}

TEST(ByAllGather, TooManyBytesAreRefusedOnAllRanks) {
  run_over_threads(2, as_it_is, [](int rank, AllGather all_gather) {
    const World world = World::from_all_gather(rank, 2, std::move(all_gather));
    const std::string large((32UL << 20) + (rank == 1 ? 1 : 0), 'x');
    const Error error = error_of([&] { gather_text(*world.bootstrap(), large); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("expected at most 67108864 bytes of 2 ranks together, got 33554433 of one"));
    EXPECT_EQ(gather_text(*world.bootstrap(), "x").size(), 2U);
  });
}

TEST(ByAllGather, OneRankNeverCalls) {
  const auto fail = [](auto, auto, auto) { FAIL(); };
  const World world = World::from_all_gather(0, 1, fail);
  EXPECT_THAT(gather_text(*world.bootstrap(), "x"), ElementsAre("x"));
}

TEST(ByAllGather, WrongInputsAreNamed) {
  const auto nothing = [](auto, auto, auto) {};
  const auto message = [](int rank, int num_ranks, AllGather all_gather) {
    const Error error = error_of([&] { World::from_all_gather(rank, num_ranks, std::move(all_gather)); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return std::string(error.message());
  };
  EXPECT_EQ(message(0, 0, nothing), "World::from_all_gather: number of ranks: expected 1 or more, got 0");
  EXPECT_EQ(message(2, 2, nothing), "World::from_all_gather: rank: expected [0, 1], got 2");
  EXPECT_EQ(message(-1, 2, nothing), "World::from_all_gather: rank: expected [0, 1], got -1");
  EXPECT_EQ(message(0, 2, nullptr), "World::from_all_gather: all_gather: expected a function, got none");
}

}  // namespace
}  // namespace crossdock::testing
