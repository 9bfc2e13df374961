// Ranks that are killed, stopped or missing: every survivor names them, and nothing is left behind.
#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "crossdock/crossdock.hpp"
#include "fork_ranks.hpp"
#include "free_port.hpp"
#include "shared_words.hpp"
#include "wait_for.hpp"

namespace crossdock::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kTokens = 8;
constexpr std::int64_t kHidden = 256;

struct Words {
  std::atomic<int> calls_made;
  std::atomic<std::int64_t> fault_ns;  ///< when the rank was killed or stopped
};

/// Made before the first fork.
const SharedWords<Words> shared;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

/// One rank that dispatches and combines until something ends it.
class BusyRank {
 public:
  BusyRank(int rank, int num_ranks, int port, std::chrono::milliseconds deadline)
      : group_(World::tcp({.rank = rank, .num_ranks = num_ranks, .port = port}), {.num_experts = 8,
                                                                                  .top_k = 4,
                                                                                  .hidden = kHidden,
                                                                                  .max_tokens = kTokens,
                                                                                  .latency_max_tokens = kTokens,
                                                                                  .deadline = deadline}),
        x_(kTokens * kHidden, 0x3F80) {
    for (int i = 0; i < kTokens * 4; ++i) topk_idx_.push_back((i * 5 + rank) % 8);
  }

  /// Returns the Error that ended it.
  Error run_until_error() {
    for (int call = 0;; ++call) {
      try {
        const Layout layout = call % 2 == 0 ? Layout::kFlat : Layout::kExpertPadded;
        const DispatchResult result = group_.dispatch(input(), {.layout = layout});
        group_.combine(result.handle, {.x = result.x});
      } catch (const Error& error) {
        return error;
      }
      if (group_.rank() == 0) ++shared->calls_made;
    }
  }

  Group& group() { return group_; }

  DispatchInput input() const {
    return {.x = dense_view(static_cast<const void*>(x_.data()), DType::kBf16, {kTokens, kHidden}),
            .topk_idx = dense_view(static_cast<const void*>(topk_idx_.data()), DType::kInt32, {kTokens, 4})};
  }

 private:
  Group group_;
  std::vector<std::uint16_t> x_;
  std::vector<std::int32_t> topk_idx_;
};

void wait_for_calls(int count) {
  shared->calls_made = 0;
  (void)wait_for([&] { return shared->calls_made >= count; }, std::chrono::seconds(60));
}

int count_entries(const char* folder) {
  DIR* directory = ::opendir(folder);
  int count = 0;
  while (directory != nullptr && ::readdir(directory) != nullptr) ++count;
  if (directory != nullptr) ::closedir(directory);
  return count;
}

std::int64_t shared_memory_kib() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string word; meminfo >> word;) {
    if (word != "Shmem:") continue;
    std::int64_t kib = 0;
    meminfo >> kib;
    return kib;
  }
  return -1;
}

TEST(GroupDeath, KilledRankIsNamedByEverySurvivorWithinASecond) {
  constexpr int kVictim = 2;
  const int port = free_port();
  ForkedRanks ranks(4, [&](int rank) {
    BusyRank busy(rank, 4, port, std::chrono::seconds(60));
    const Error error = busy.run_until_error();
    const std::int64_t took_ms = (now_ns() - shared->fault_ns) / 1'000'000;
    EXPECT_EQ(error.code(), ErrorCode::kRankLost) << error.what();
    EXPECT_EQ(error.report().peer, kVictim) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr("rank 2"));
    EXPECT_LT(took_ms, 1000);
    EXPECT_EQ(busy.group().status()->code(), ErrorCode::kRankLost);
  });
  wait_for_calls(5);
  shared->fault_ns = now_ns();
  ranks.kill(kVictim);
  const auto ends = ranks.wait(std::chrono::seconds(30));
  for (int rank = 0; rank < 4; ++rank) {
    if (rank == kVictim) continue;
    EXPECT_TRUE(ends[rank].succeeded()) << "rank " << rank << ": " << ends[rank].message;
  }
  EXPECT_EQ(ends[kVictim].signal, SIGKILL);
}

TEST(GroupDeath, StoppedRankIsNamedAtTheDeadline) {
  constexpr int kVictim = 1;
  constexpr std::chrono::milliseconds kDeadline{1500};
  const int port = free_port();
  ForkedRanks ranks(3, [&](int rank) {
    BusyRank busy(rank, 3, port, std::chrono::seconds(60));
    busy.group().set_deadline(kDeadline);
    const Error error = busy.run_until_error();
    const std::int64_t took_ms = (now_ns() - shared->fault_ns) / 1'000'000;
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded) << error.what();
    EXPECT_EQ(error.report().peer, kVictim) << error.what();
    EXPECT_LT(took_ms, 2 * kDeadline.count());
  });
  wait_for_calls(5);
  shared->fault_ns = now_ns();
  ::kill(ranks.pid(kVictim), SIGSTOP);
  std::this_thread::sleep_for(3 * kDeadline);
  ranks.kill(kVictim);
  const auto ends = ranks.wait(std::chrono::seconds(30));
  for (const int rank : {0, 2}) EXPECT_TRUE(ends[rank].succeeded()) << "rank " << rank << ": " << ends[rank].message;
}

TEST(GroupDeath, SurvivorsGoOnWithoutTheKilledRank) {
  constexpr int kVictim = 0;
  const int port = free_port();
  ForkedRanks ranks(3, [&](int rank) {
    BusyRank busy(rank, 3, port, std::chrono::seconds(60));
    EXPECT_EQ(busy.run_until_error().report().peer, kVictim);
    busy.group().set_live_ranks(std::vector<int>{1, 2});
    for (int call = 0; call < 20; ++call) {
      const DispatchResult result = busy.group().dispatch(busy.input());
      busy.group().combine(result.handle, {.x = result.x});
    }
  });
  wait_for_calls(5);
  ranks.kill(kVictim);
  const auto ends = ranks.wait(std::chrono::seconds(30));
  for (const int rank : {1, 2}) EXPECT_TRUE(ends[rank].succeeded()) << "rank " << rank << ": " << ends[rank].message;
}

TEST(GroupDeath, RankMissingAtTheStartIsNamed) {
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    try {
      World::tcp({.rank = rank, .num_ranks = 3, .port = port, .deadline = std::chrono::milliseconds(700)});
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded) << error.what();
      EXPECT_THAT(error.what(), ::testing::HasSubstr("2"));
    }
  }));
}

TEST(GroupDeath, AHundredKillsLeaveNothing) {
  const int files_before = count_entries("/proc/self/fd");
  const int shm_before = count_entries("/dev/shm");
  const std::int64_t memory_before = shared_memory_kib();
  for (int round = 0; round < 100; ++round) {
    const int victim = round % 3;
    const int port = free_port();
    ForkedRanks ranks(3, [&](int rank) {
      BusyRank busy(rank, 3, port, std::chrono::seconds(60));
      EXPECT_EQ(busy.run_until_error().report().peer, victim);
    });
    wait_for_calls(1 + round % 4);
    ranks.kill(victim);
    const auto ends = ranks.wait(std::chrono::seconds(30));
    for (int rank = 0; rank < 3; ++rank) {
      if (rank == victim) continue;
      ASSERT_TRUE(ends[rank].succeeded()) << "round " << round << ": " << ends[rank].message;
    }
  }
  EXPECT_EQ(count_entries("/proc/self/fd"), files_before);
  EXPECT_EQ(count_entries("/dev/shm"), shm_before);
  EXPECT_LE(shared_memory_kib(), memory_before + 64 * 1024);  // other programs may use a little
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "no child is left";
}

}  // namespace
}  // namespace crossdock::testing
