// Ranks under the limits that shells and containers set: a group is made, or every rank gets an Error that names the
// limit, at once. Deadlines are far longer than the test, so that whoever waits for one fails it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "base/control_groups.hpp"
#include "crossdock/crossdock.hpp"
#include "deny_call.hpp"
#include "fork_ranks.hpp"
#include "free_port.hpp"
#include "shared_words.hpp"

namespace crossdock::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr milliseconds kLong{600'000};
constexpr milliseconds kTestTime{60'000};
constexpr int kMostRanks = 4;

const GroupConfig kSmall{
    .num_experts = 8, .top_k = 2, .hidden = 64, .max_tokens = 8, .num_threads = 1, .deadline = kLong};

/// The leak check at the end of a rank takes descriptors, mappings and a process of its own.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kLeakChecked = true;
#else
constexpr bool kLeakChecked = false;
#endif

enum class Outcome : int { kNone, kWorks, kRefused };

struct Words {
  std::atomic<Outcome> outcomes[kMostRanks];
};

/// Made before the first fork.
const SharedWords<Words> shared;

World join(int rank, int num_ranks, int port) {
  return World::tcp({.rank = rank, .num_ranks = num_ranks, .port = port, .deadline = kLong});
}

void use(Group& group) {
  const std::vector<std::uint16_t> x(64, 0x3F80);
  const std::vector<std::int32_t> topk_idx{0, 7};
  const DispatchResult result =
      group.dispatch({.x = dense_view(static_cast<const void*>(x.data()), DType::kBf16, {1, 64}),
                      .topk_idx = dense_view(static_cast<const void*>(topk_idx.data()), DType::kInt32, {1, 2})});
  group.combine(result.handle, {.x = result.x});
}

/// Runs `start` and notes how it ended; an Error has to name the limit.
void note(int rank, const std::string& limit, const std::function<void()>& start) {
  Outcome outcome = Outcome::kWorks;
  try {
    start();
  } catch (const Error& error) {
    outcome = Outcome::kRefused;
    EXPECT_TRUE(error.code() == ErrorCode::kSystem || error.code() == ErrorCode::kRejectedByPeer) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(limit));
  }
  shared->outcomes[rank] = outcome;
}

/// Runs `body` on all ranks; nothing where they did not end alike.
std::optional<Outcome> outcome_of(int num_ranks, const ForkedRanks::Body& body) {
  for (auto& outcome : shared->outcomes) outcome = Outcome::kNone;
  EXPECT_TRUE(fork_ranks(num_ranks, body, kTestTime));
  for (int rank = 1; rank < num_ranks; ++rank) {
    EXPECT_EQ(shared->outcomes[rank], shared->outcomes[0]) << "rank " << rank;
    if (shared->outcomes[rank] != shared->outcomes[0]) return std::nullopt;
  }
  return shared->outcomes[0];
}

void lower(__rlimit_resource_t resource, rlim_t to) {
  const rlimit limit{.rlim_cur = to, .rlim_max = to};
  ASSERT_EQ(::setrlimit(resource, &limit), 0);
}

/// Leaves exactly so many descriptors: fills gaps, then lowers the limit.
void leave_descriptors(int free) {
  int highest = 0;
  for (int number = 0; number < 1024; ++number) {
    if (::fcntl(number, F_GETFD) >= 0) highest = number;
  }
  int last = 0;
  while ((last = ::dup(0)) < highest) ASSERT_GE(last, 0);
  ::close(last);
  lower(RLIMIT_NOFILE, static_cast<rlim_t>(highest + 1 + free));
}

class Descriptors : public ::testing::TestWithParam<int> {};

// From none to more than enough; with each number either all ranks work or all are told.
TEST_P(Descriptors, EveryNumberWorksOrIsNamed) {
  if (kLeakChecked) GTEST_SKIP() << "the leak check needs what is limited";
  const int num_ranks = GetParam();
  std::optional<Outcome> before = Outcome::kRefused;
  const int enough = 4 * num_ranks + 4;
  for (int free = 0; free <= enough; ++free) {
    const int port = free_port();
    const auto outcome = outcome_of(num_ranks, [&](int rank) {
      leave_descriptors(free);
      note(rank, "RLIMIT_NOFILE is", [&] {
        Group group(join(rank, num_ranks, port), kSmall);
        use(group);
      });
    });
    ASSERT_TRUE(outcome) << free << " descriptors";
    EXPECT_GE(*outcome == Outcome::kWorks, *before == Outcome::kWorks) << free << " descriptors";
    EXPECT_TRUE(free > 0 || *outcome == Outcome::kRefused);
    before = outcome;
  }
  EXPECT_EQ(before, Outcome::kWorks);
}
INSTANTIATE_TEST_SUITE_P(Ranks, Descriptors, ::testing::Values(2, 4));

// It says what is needed, so that the number can be set.
TEST(ResourceLimits, TheNumberOfDescriptorsThatIsNamedIsEnough) {
  if (kLeakChecked) GTEST_SKIP() << "the leak check needs what is limited";
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(1, [&](int) {
    leave_descriptors(1);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    try {
      join(1, 4, port);
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kSystem);
      EXPECT_THAT(error.what(),
                  HasSubstr(fmt::format("bootstrap, rank 1: expected 3 free file descriptors, got 1: Too many open "
                                        "files; RLIMIT_NOFILE is {}, at least {} is needed (ulimit -n)",
                                        limit.rlim_cur, limit.rlim_cur + 2)));
      EXPECT_EQ(error.report().expected, 3);
      EXPECT_EQ(error.report().observed, 1);
    }
  }));
}

/// Lowers what rank 1 alone has: it names the limit, and all others name it.
void expect_all_name(const std::string& limit, const GroupConfig& config, const std::function<void()>& lower_limit) {
  constexpr int kRanks = 3;
  const int port = free_port();
  const auto outcome = outcome_of(kRanks, [&](int rank) {
    const World world = join(rank, kRanks, port);
    if (rank == 1) lower_limit();
    note(rank, limit, [&] { const Group group(world, config); });
  });
  EXPECT_EQ(outcome, Outcome::kRefused);
}

TEST(ResourceLimits, DescriptorsOfOneRank) {
  if (kLeakChecked) GTEST_SKIP() << "the leak check needs what is limited";
  for (const int free : {0, 1, 5, 10}) {
    expect_all_name("RLIMIT_NOFILE is", kSmall, [free] { leave_descriptors(free); });
  }
}

TEST(ResourceLimits, FileSize) {
  for (const rlim_t bytes : {0, 1, 4096, 16'384}) {
    expect_all_name(fmt::format("RLIMIT_FSIZE is {}", bytes), kSmall, [bytes] { lower(RLIMIT_FSIZE, bytes); });
  }
}

TEST(ResourceLimits, FileSizeThatIsEnough) {
  const auto bytes = static_cast<rlim_t>(required_bytes(kSmall, 2).window + required_bytes(kSmall, 2).signals);
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    lower(RLIMIT_FSIZE, bytes);
    Group group(join(rank, 2, port), kSmall);
    use(group);
  }));
}

std::size_t mapped_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(ResourceLimits, AddressSpace) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer maps terabytes";
#endif
  GroupConfig config = kSmall;
  config.window_bytes = std::size_t{256} << 20;
  config.num_threads = 2;
  for (const std::size_t more : {0, 4, 64, 256, 1024, 65'536, 600 << 10, 769 << 10}) {  // KiB; the windows take 768 MiB
    expect_all_name("RLIMIT_AS is", config, [more] { lower(RLIMIT_AS, mapped_bytes() + (more << 10)); });
  }
}

// A call that finds no memory is a rejected one: the peers learn it, and the group goes on.
TEST(ResourceLimits, MemoryOfACall) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer maps terabytes";
#endif
  constexpr std::int64_t kTokens = 1 << 18;
  GroupConfig config = kSmall;
  config.hidden = 8;
  config.max_tokens = kTokens;
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    Group group(join(rank, 2, port), config);
    const std::vector<std::uint16_t> x(kTokens * 8, 0x3F80);
    const std::vector<std::int32_t> topk_idx(kTokens * 2, 3);
    const auto dispatch = [&](std::int64_t tokens) {
      return group.dispatch({.x = dense_view(static_cast<const void*>(x.data()), DType::kBf16, {tokens, 8}),
                             .topk_idx = dense_view(static_cast<const void*>(topk_idx.data()), DType::kInt32,
                                                    {tokens, std::int64_t{2}})});
    };
    const rlimit none{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    const rlimit tight{.rlim_cur = mapped_bytes() + (1 << 20), .rlim_max = RLIM_INFINITY};
    ASSERT_TRUE(rank == 0 || ::setrlimit(RLIMIT_AS, &tight) == 0);
    try {
      dispatch(kTokens);
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), rank == 1 ? ErrorCode::kSystem : ErrorCode::kRejectedByPeer) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("no memory was left; RLIMIT_AS is")));
    }
    ASSERT_TRUE(rank == 0 || ::setrlimit(RLIMIT_AS, &none) == 0);
    EXPECT_EQ(dispatch(4).num_rows, rank == 0 ? 8 : 0);
  }));
}

// Windows of threads are private memory.
TEST(ResourceLimits, DataOfThreads) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer maps terabytes";
#endif
  EXPECT_TRUE(fork_ranks(1, [](int) {
    GroupConfig config = kSmall;
    config.window_bytes = std::size_t{256} << 20;
    const std::vector<World> worlds = World::threads(2);
    const rlim_t bytes = std::size_t{64} << 20;
    lower(RLIMIT_DATA, bytes);
    std::vector<std::thread> threads;
    for (const World& world : worlds) {
      threads.emplace_back([&, world] {
        note(world.rank(), fmt::format("RLIMIT_DATA is {} bytes", bytes), [&] { const Group group(world, config); });
        EXPECT_EQ(shared->outcomes[world.rank()], Outcome::kRefused);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }));
}

TEST(ResourceLimits, Mappings) {
  if (kLeakChecked) GTEST_SKIP() << "the leak check needs what is limited";
  std::uint64_t most = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> most;
  if (most == 0 || most > 300'000) GTEST_SKIP() << "vm.max_map_count is " << most;
  expect_all_name("vm.max_map_count is", kSmall, [] {
    // Neighbours that differ are not merged.
    for (int i = 0;; ++i) {
      const int protection = i % 2 == 0 ? PROT_READ : PROT_NONE;
      if (::mmap(nullptr, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) break;
    }
  });
}

/// As a user who may have no further thread. Root would be exempt.
void allow_no_thread() {
  ASSERT_EQ(::setresuid(65'534, 65'534, 65'534), 0);
  ASSERT_EQ(::prctl(PR_SET_DUMPABLE, 1), 0);  // else its /proc is closed to it
  lower(RLIMIT_NPROC, 1);
}

TEST(ResourceLimits, Threads) {
  if (kLeakChecked) GTEST_SKIP() << "the leak check needs what is limited";
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  constexpr int kRanks = 3;
  GroupConfig config = kSmall;
  config.num_threads = 4;
  const int port = free_port();
  const auto outcome = outcome_of(kRanks, [&](int rank) {
    const World world = join(rank, kRanks, port);
    allow_no_thread();
    note(rank, "expected 4, got 1: Resource temporarily unavailable; RLIMIT_NPROC is 1 (ulimit -u)",
         [&] { const Group group(world, config); });
  });
  EXPECT_EQ(outcome, Outcome::kRefused);
}

TEST(ResourceLimits, MemoryFilesThatAContainerDenies) {
  for (const int error_number : {EPERM, ENOSYS}) {
    expect_all_name("memfd_create: ", kSmall, [&] { deny_call(SYS_memfd_create, error_number); });
    expect_all_name("a container's seccomp filter may refuse the call", kSmall,
                    [&] { deny_call(SYS_memfd_create, error_number); });
  }
}

TEST(ResourceLimits, AFileOfTheSystemThatCannotBeOpened) {
  expect_all_name("open: /proc/sys/kernel/random/boot_id: Operation not permitted", kSmall,
                  [] { deny_call(SYS_openat, EPERM); });
}

TEST(ResourceLimits, ProcessesThatCannotBeWatchedAreNoReason) {
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    deny_call(SYS_pidfd_open, EPERM);
    Group group(join(rank, 2, port), kSmall);
    use(group);
  }));
}

// What can never be there is refused; what routing may leave untouched is not.
TEST(ResourceLimits, LatencyAreasBeyondAllMemory) {
  GroupConfig config = kSmall;
  config.hidden = 1 << 16;
  config.latency_max_tokens = 1 << 20;
  config.window_bytes = required_bytes(config, 3).control + required_bytes(config, 3).latency;
  constexpr int kRanks = 3;
  const auto outcome = outcome_of(kRanks, [&, port = free_port()](int rank) {
    const World world = join(rank, kRanks, port);
    note(rank, "control and latency areas of 3 ranks", [&] { const Group group(world, config); });
  });
  EXPECT_EQ(outcome, Outcome::kRefused);
}

/// A group for the memory of this test, gone with it.
class MemoryGroup {
 public:
  explicit MemoryGroup(std::size_t bytes) {
    for (const base::ControlGroup& parent : base::control_groups("memory")) {
      const auto folder = parent.folder / fmt::format("crossdock-test-{}", ::getpid());
      if (::mkdir(folder.c_str(), 0755) != 0) continue;
      folder_ = folder;
      std::ofstream(folder / (parent.version_2 ? "memory.max" : "memory.limit_in_bytes")) << bytes << std::flush;
      std::ifstream(folder / (parent.version_2 ? "memory.max" : "memory.limit_in_bytes")) >> limit_;
      if (limit_ == bytes) return;
      ::rmdir(folder.c_str());
    }
    folder_.clear();
  }
  ~MemoryGroup() {
    if (!folder_.empty()) ::rmdir(folder_.c_str());
  }
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  bool enter() const { return static_cast<bool>(std::ofstream(folder_ / "cgroup.procs") << ::getpid() << std::flush); }

 private:
  std::filesystem::path folder_;
  std::size_t limit_ = 0;
};

TEST(ResourceLimits, LatencyAreasBeyondTheContainersMemory) {
  const MemoryGroup container(std::size_t{256} << 20);
  if (container.folder().empty()) GTEST_SKIP() << "no control group can be made here";
  GroupConfig config = kSmall;
  config.hidden = 1 << 14;
  config.latency_max_tokens = 2048;
  const int port = free_port();
  const auto outcome = outcome_of(2, [&](int rank) {
    ASSERT_TRUE(container.enter());
    const World world = join(rank, 2, port);
    note(rank, fmt::format("expected all to fit the {} bytes of {}", 256 << 20, container.folder().string()),
         [&] { const Group group(world, config); });
    EXPECT_LE(free_memory().bytes, 256 << 20);
    EXPECT_THAT(free_memory().bound, HasSubstr(container.folder().string()));
  });
  EXPECT_EQ(outcome, Outcome::kRefused);
}

}  // namespace
}  // namespace crossdock::testing
