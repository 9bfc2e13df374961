#include "engine/arena.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "run_ranks.hpp"

namespace crossdock::engine {
namespace {

constexpr std::size_t kBegin = 256;
constexpr std::size_t kBytes = 4096;

/// An arena over ordinary memory; nothing in it is touched.
std::shared_ptr<Arena> make_arena() {
  const auto memory = std::make_shared<std::vector<std::byte>>(kBegin + kBytes);
  return std::make_shared<Arena>(memory, std::span(*memory), kBegin, 3);
}

TEST(Arena, GivesEachByteOnceAndTakesItBack) {
  const auto arena = make_arena();
  EXPECT_EQ(arena->largest_free(), kBytes);
  {
    const Reservation first = arena->reserve(1000);
    const Reservation second = arena->reserve(1);
    EXPECT_EQ(first.offset, kBegin);
    EXPECT_EQ(first.bytes, 1024U);
    EXPECT_EQ(second.offset, kBegin + 1024);
    EXPECT_EQ(arena->largest_free(), kBytes - 1024 - 128);
    EXPECT_TRUE(arena->contains(second.data, 128));
    EXPECT_EQ(arena->offset_of(second.data), second.offset);
    EXPECT_ERROR(arena->reserve(kBytes), ErrorCode::kWindowTooSmall, "window of rank 3");
  }
  EXPECT_EQ(arena->largest_free(), kBytes);
}

TEST(Arena, TrimGivesTheEndBackAtOnceAndTheRestLater) {
  const auto arena = make_arena();
  Reservation all = arena->reserve(kBytes);
  EXPECT_EQ(arena->largest_free(), 0U);
  arena->trim(all, 300);
  EXPECT_EQ(all.bytes, 384U);
  EXPECT_EQ(arena->largest_free(), kBytes - 384);
  const Reservation behind = arena->reserve(kBytes - 384);
  EXPECT_EQ(behind.offset, all.offset + 384);
  all = {};
  EXPECT_EQ(arena->largest_free(), 384U);
}

TEST(Arena, TakeGetsWhatIsFreeOfARangeAndNothingElse) {
  const auto arena = make_arena();
  const Reservation low = arena->reserve(512);
  Reservation middle = arena->reserve(512);
  const Reservation high = arena->reserve(512);
  middle = {};
  // From the middle of `low` to 256 bytes behind `high`: free are the middle and those 256.
  std::vector<Reservation> taken = arena->take(kBegin + 256, 256 + 512 + 512 + 256);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].offset, kBegin + 512);
  EXPECT_EQ(taken[0].bytes, 512U);
  EXPECT_EQ(taken[1].offset, kBegin + 1536);
  EXPECT_EQ(taken[1].bytes, 256U);
  EXPECT_EQ(arena->largest_free(), kBytes - 1536 - 256);
  EXPECT_EQ(arena->reserve(128).offset, kBegin + 1792);
  taken.clear();
  EXPECT_EQ(arena->reserve(512).offset, kBegin + 512);
  EXPECT_EQ(arena->largest_free(), kBytes - 1536);
}

TEST(Arena, PiecesOfAResultLiveAsLongAsIt) {
  const auto arena = make_arena();
  Reservation first = arena->reserve(128);
  Reservation second = arena->reserve(128);
  WindowBuffer both = together({first.memory, second.memory});
  first = {};
  second = {};
  EXPECT_EQ(arena->largest_free(), kBytes - 256);
  both = {};
  EXPECT_EQ(arena->largest_free(), kBytes);
}

}  // namespace
}  // namespace crossdock::engine
