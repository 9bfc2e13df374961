#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "check/material.hpp"
#include "check/repeat_plan.hpp"
#include "check/repeat_rank.hpp"
#include "gpu/hash.hpp"

namespace crossdock::tools::check {
namespace {

std::vector<std::byte> counting_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7);
  return bytes;
}

TEST(Hash, SeesEveryByteAndItsPlace) {
  std::vector<std::byte> bytes = counting_bytes(27);
  std::set<std::uint64_t> seen{gpu::hash_of(bytes)};
  for (std::byte& byte : bytes) {
    byte ^= std::byte{1};
    EXPECT_TRUE(seen.insert(gpu::hash_of(bytes)).second);
    byte ^= std::byte{1};
  }
  std::swap_ranges(bytes.begin(), bytes.begin() + 8, bytes.begin() + 8);
  EXPECT_TRUE(seen.insert(gpu::hash_of(bytes)).second) << "words change places";
}

TEST(Hash, OfNothingIsThatOfATensorThatIsNotGiven) { EXPECT_EQ(gpu::hash_of({}), 0U); }

/// A captured call keeps its shapes, whatever arrives.
TEST(Repetitions, BoundedSetsShareTheirShapes) {
  for (const RepeatKind& kind : repeat_kinds(false)) {
    const Case made = make_case(plan_repetitions(3, 2, kind));
    ASSERT_EQ(made.rounds.size(), 1U);
    const std::vector<Operation>& sets = made.rounds.front().operations;
    ASSERT_EQ(sets.size(), static_cast<std::size_t>(kInputSets));
    for (const Operation& set : sets) {
      EXPECT_FALSE(set.refusal);
      for (std::size_t rank = 0; rank < 2; ++rank) {
        EXPECT_EQ(set.dispatched[rank].x.shape, sets.front().dispatched[rank].x.shape);
        EXPECT_EQ(set.parts[rank].combine_x.shape, sets.front().parts[rank].combine_x.shape);
        EXPECT_EQ(set.parts[rank].max_recv_rows, sets.front().parts[rank].max_recv_rows);
        EXPECT_EQ(set.combined[rank].y.shape, sets.front().combined[rank].y.shape);
      }
    }
    EXPECT_NE(sets[0].parts[0].topk_idx.bytes, sets[1].parts[0].topk_idx.bytes);
    EXPECT_NE(sets[0].dispatched[1].x.bytes, sets[1].dispatched[1].x.bytes);
  }
}

TEST(Repetitions, EveryLayoutAndDtypeAppears) {
  std::set<std::string> seen;
  for (const RepeatKind& kind : repeat_kinds(true)) {
    seen.insert(std::string(name_of(kind.layout)) + " " + kind.dtype() + " " + kind.rows());
  }
  EXPECT_EQ(seen.size(), 15U);
  EXPECT_TRUE(seen.contains("flat bf16 exact"));
  EXPECT_TRUE(seen.contains("expert_padded bf16>fp8 static"));
}

TEST(Repetitions, NamesOfTensors) {
  EXPECT_EQ(tensor_names(0b1), "x");
  EXPECT_EQ(tensor_names(1U << 12 | 1U << 4), "topk_idx, y");
}

}  // namespace
}  // namespace crossdock::tools::check
