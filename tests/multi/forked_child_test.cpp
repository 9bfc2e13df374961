// fork after a group exists: whatever the child does with its copies, the ranks go on with the right sums, and the
// death of its parent is still noticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <thread>

#include "crossdock/crossdock.hpp"
#include "deny_call.hpp"
#include "fork_ranks.hpp"
#include "free_port.hpp"
#include "shared_words.hpp"
#include "wait_for.hpp"

namespace crossdock::testing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{600'000};
constexpr std::int64_t kHidden = 64;
constexpr std::int64_t kTokens = 16;

/// Everything of the library that a rank can hold.
struct Held {
  std::optional<World> world = {};
  std::optional<Group> group = {};
  std::vector<float> x = {};
  std::vector<std::int32_t> topk_idx = {};
  std::optional<DispatchResult> result = {};
  std::optional<CombineResult> combined = {};
  std::optional<Group::Allocation> allocation = {};
  std::optional<PendingDispatch> pending_dispatch = {};
  std::optional<PendingCombine> pending_combine = {};

  explicit Held(World of_rank) : world(std::move(of_rank)) {
    group.emplace(*world, GroupConfig{.num_experts = 8,
                                      .top_k = 2,
                                      .hidden = kHidden,
                                      .max_tokens = kTokens,
                                      .latency_max_tokens = kTokens,
                                      .element_bytes = 4,
                                      .live_results = 4,
                                      .num_threads = 2,
                                      .deadline = kLong});
    x.assign(kTokens * kHidden, static_cast<float>(world->rank() + 1));
    for (int token = 0; token < kTokens; ++token) topk_idx.insert(topk_idx.end(), {0, 7});  // the first and last rank
  }

  DispatchInput input() const {
    return {.x = dense_view(static_cast<const void*>(x.data()), DType::kFp32, {kTokens, kHidden}),
            .topk_idx = dense_view(static_cast<const void*>(topk_idx.data()), DType::kInt32, {kTokens, 2})};
  }

  void check(const CombineResult& combine) const {
    const auto* y = static_cast<const float*>(combine.y.data);
    const float expected = 2 * x[0];
    for (int i = 0; i < kTokens * kHidden; ++i) ASSERT_EQ(y[i], expected) << i;
  }

  void exchange() {
    result = group->dispatch(input());
    combined = group->combine(result->handle, {.x = result->x});
    check(*combined);
  }

  void send() {
    exchange();
    allocation = group->allocate(DType::kFp32, {4, kHidden});
    pending_combine = group->combine_send(result->handle, {.x = result->x});
    pending_dispatch = group->dispatch_send(input(), {.layout = Layout::kExpertPadded});
  }

  void receive() {
    check(group->combine_receive(std::move(*pending_combine)));
    (void)group->dispatch_receive(std::move(*pending_dispatch));
    pending_combine.reset();
    pending_dispatch.reset();
  }
};

/// What a child does; returns what is wrong.
using Act = std::function<std::string(Held&)>;

std::string destroy_all(Held& held) {
  held.group.reset();
  held.pending_combine.reset();
  held.pending_dispatch.reset();
  held.result.reset();
  held.combined.reset();
  held.allocation.reset();
  held.world.reset();
  return {};
}

std::string destroy_all_backwards(Held& held) {
  held.world.reset();
  held.allocation.reset();
  held.combined.reset();
  held.result.reset();
  held.pending_dispatch.reset();
  held.pending_combine.reset();
  held.group.reset();
  return {};
}

std::string replace_all(Held& held) {
  Held mine(World::threads(1).front());
  held.pending_combine = std::move(mine.pending_combine);
  held.pending_dispatch = std::move(mine.pending_dispatch);
  held.group = std::move(mine.group);
  held.world = std::move(mine.world);
  held.x.assign(held.x.size(), 1);
  held.result = held.group->dispatch(held.input());
  return held.result->num_rows == kTokens ? "" : "the child's own group does not work";
}

std::string call_everything(Held& held) {
  Group& group = *held.group;
  const Handle handle = held.result->handle;
  const std::vector<int> live{0};
  const std::vector<std::pair<const char*, std::function<void()>>> calls{
      {"dispatch", [&] { group.dispatch(held.input()); }},
      {"dispatch_send", [&] { group.dispatch_send(held.input()); }},
      {"cached dispatch", [&] { group.dispatch(handle, {.x = held.input().x}); }},
      {"combine", [&] { group.combine(handle, {.x = held.result->x}); }},
      {"combine_send", [&] { group.combine_send(handle, {.x = held.result->x}); }},
      {"combine_receive", [&] { group.combine_receive(std::move(*held.pending_combine)); }},
      {"dispatch_receive", [&] { group.dispatch_receive(std::move(*held.pending_dispatch)); }},
      {"allocate", [&] { group.allocate(DType::kFp32, {1, kHidden}); }},
      {"set_live_ranks", [&] { group.set_live_ranks(live); }},
      {"live_ranks", [&] { (void)group.live_ranks(); }},
      {"wait_times", [&] { (void)group.wait_times(); }},
      {"set_deadline", [&] { group.set_deadline(milliseconds(1)); }},
      {"rank", [&] { (void)group.rank(); }},
      {"config", [&] { (void)group.config(); }},
      {"status", [&] { throw Error(group.status().value()); }},
      {"Group", [&] { const Group again(*held.world, held.group->config()); }},
      {"World", [&] { const Group again(*held.world, {.num_experts = 8, .hidden = 8, .max_tokens = 1}); }}};
  std::string wrong;
  for (const auto& [name, call] : calls) {
    try {
      call();
      wrong += fmt::format("{}: no Error\n", name);
    } catch (const Error& error) {
      const bool is_clear = error.code() == ErrorCode::kInvalidArgument &&
                            std::string_view(error.what()).find("forked child") != std::string_view::npos;
      if (!is_clear) wrong += fmt::format("{}: {}\n", name, error.what());
    }
  }
  group.abort("a child's word");
  return wrong;
}

[[noreturn]] void run_child(Held& held, const Act& act) {
  const std::string wrong = act(held);
  (void)!::write(STDERR_FILENO, wrong.data(), wrong.size());
  ::_exit(wrong.empty() ? 0 : 1);
}

/// Forks, waits for the child's end; returns its status.
int fork_and_wait(Held& held, const Act& act) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) run_child(held, act);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

struct NamedAct {
  const char* name = "";
  Act act = {};
  int status = 0;  ///< of waitpid
};
void PrintTo(const NamedAct& act, std::ostream* out) { *out << act.name; }

class ForkedChild : public ::testing::TestWithParam<NamedAct> {
 protected:
  /// A rank that comes so late that the others look at what it has done.
  static void go_on(Held& held) {
    if (held.world->rank() == 1) std::this_thread::sleep_for(milliseconds(50));
    held.receive();
    for (int call = 0; call < 20; ++call) held.exchange();
    EXPECT_FALSE(held.group->status());
  }
};

TEST_P(ForkedChild, OfAProcessLeavesTheRanksAlone) {
  constexpr int kRanks = 3;
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(kRanks, [&](int rank) {
    static std::optional<Held> held;  // exit destroys it
    held.emplace(World::tcp({.rank = rank, .num_ranks = kRanks, .port = port}));
    held->send();
    EXPECT_EQ(fork_and_wait(*held, GetParam().act), GetParam().status);
    go_on(*held);
    held.reset();
  }));
}

// The child has the thread that forks and no other: neither the other rank nor anybody's workers.
TEST_P(ForkedChild, OfThreadsLeavesTheRanksAlone) {
#if defined(__SANITIZE_ADDRESS__)
  if (std::string_view(GetParam().name) == "exit")
    GTEST_SKIP() << "stacks of threads that are not there count as leaks";
#endif
  EXPECT_TRUE(fork_ranks(1, [&](int) {
    const std::vector<World> worlds = World::threads(2);
    static std::array<std::optional<Held>, 2> held;  // exit destroys them
    std::vector<std::thread> threads;
    for (const World& world : worlds) {
      threads.emplace_back([&, world] {
        Held& mine = held[static_cast<std::size_t>(world.rank())].emplace(world);
        mine.send();
        EXPECT_TRUE(world.rank() == 0 || fork_and_wait(mine, GetParam().act) == GetParam().status);
        go_on(mine);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (auto& mine : held) mine.reset();
  }));
}

INSTANTIATE_TEST_SUITE_P(
    Acts, ForkedChild,
    ::testing::Values(NamedAct{.name = "exit", .act = [](Held&) -> std::string { std::exit(0); }},
                      NamedAct{.name = "_exit", .act = [](Held&) -> std::string { ::_exit(0); }},
                      NamedAct{.name = "abort", .act = [](Held&) -> std::string { std::abort(); }, .status = SIGABRT},
                      NamedAct{.name = "exec",
                               .act = [](Held&) -> std::string {
                                 ::execl("/bin/true", "true", nullptr);
                                 return "exec failed";
                               }},
                      NamedAct{.name = "destroy", .act = destroy_all},
                      NamedAct{.name = "destroy_backwards", .act = destroy_all_backwards},
                      NamedAct{.name = "replace", .act = replace_all}, NamedAct{.name = "call", .act = call_everything},
                      NamedAct{.name = "call_and_destroy",
                               .act =
                                   [](Held& held) {
                                     const std::string wrong = call_everything(held);
                                     return wrong + destroy_all(held);
                                   }}),
    [](const auto& instance) { return std::string(instance.param.name); });

// vfork shares the memory: nothing is a copy.
TEST(StartedPrograms, AreNoForks) {
  const int port = free_port();
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    Held held(World::tcp({.rank = rank, .num_ranks = 2, .port = port}));
    EXPECT_EQ(std::system("true"), 0);
    pid_t child = 0;
    const std::array<char*, 2> arguments{const_cast<char*>("true"), nullptr};
    ASSERT_EQ(::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments.data(), nullptr), 0);
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    for (int call = 0; call < 3; ++call) held.exchange();
  }));
}

struct Words {
  std::atomic<int> num_ready;
};

/// Rank 1 starts a child that lives until the end of the test, and is killed; rank 0 has to see it.
class ParentDeath : public ::testing::Test {
 protected:
  ParentDeath() { EXPECT_EQ(::pipe(hold_.data()), 0); }
  ~ParentDeath() override {
    ::close(hold_[0]);
    ::close(hold_[1]);
  }

  void hold() const {
    ::close(hold_[1]);
    char end = 0;
    ++shared_->num_ready;
    while (::read(hold_[0], &end, 1) > 0) continue;
    ::_exit(0);
  }

  /// `fork` is fork or _Fork, which tells no library.
  void expect_noticed(pid_t (*fork)(), bool watch_processes, const std::function<void(Held&)>& see) {
    const int port = free_port();
    ForkedRanks ranks(2, [&](int rank) {
      if (!watch_processes) deny_call(SYS_pidfd_open, EPERM);
      Held held(World::tcp({.rank = rank, .num_ranks = 2, .port = port}));
      held.exchange();
      if (rank == 1 && fork() == 0) hold();
      ++shared_->num_ready;
      if (rank == 0) see(held);
      if (rank == 1) ::pause();
    });
    ASSERT_TRUE(wait_for([&] { return shared_->num_ready == 3; }, std::chrono::seconds(60)));
    ranks.kill(1);
    const auto ends = ranks.wait(std::chrono::seconds(60));
    EXPECT_TRUE(ends[0].succeeded()) << ends[0].message;
    EXPECT_EQ(ends[1].signal, SIGKILL);
  }

  static void see_in_a_call(Held& held) {
    try {
      held.exchange();
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kRankLost) << error.what();
      EXPECT_EQ(error.report().peer, 1) << error.what();
    }
  }

  static void see_in_a_new_group(Held& held) {
    try {
      const Group group(*held.world, held.group->config());
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kRankLost) << error.what();
    }
  }

 private:
  std::array<int, 2> hold_{};
  SharedWords<Words> shared_;
};

TEST_F(ParentDeath, IsSeenByItsConnection) { expect_noticed(::fork, false, see_in_a_call); }
TEST_F(ParentDeath, IsSeenByItsProcess) {
  const int probe = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (probe < 0) GTEST_SKIP() << "this system cannot watch processes (pidfd_open)";
  ::close(probe);
  expect_noticed(::_Fork, true, see_in_a_call);
}
TEST_F(ParentDeath, IsSeenByTheWorld) { expect_noticed(::fork, true, see_in_a_new_group); }

}  // namespace
}  // namespace crossdock::testing
