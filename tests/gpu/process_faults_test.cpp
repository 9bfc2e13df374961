// Ranks as processes with a GPU each: one is killed or stopped in the middle of calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>

#include "crossdock/crossdock.hpp"
#include "harness/device_buffer.hpp"
#include "multi/fork_ranks.hpp"
#include "multi/free_port.hpp"
#include "multi/shared_words.hpp"
#include "multi/wait_for.hpp"

namespace crossdock::gpu {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::wait_for;

constexpr std::int64_t kTokens = 64;
constexpr std::int64_t kHidden = 1024;
constexpr int kTopK = 4;
constexpr int kExperts = 8;
constexpr int kCallsBefore = 3;  ///< the fault

/// Long enough for a busy machine without a GPU, under sanitizers.
constexpr seconds kSoon{60};
/// Far from the deadline that groups are made with.
constexpr seconds kNamedWithin = kSoon / 3;

struct Words {
  std::atomic<int> calls_made;  ///< by rank 0
  std::atomic<bool> is_named;   ///< the rank that failed, by rank 0
};

using SharedWords = testing::SharedWords<Words>;

void expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("expected " + what);
}

/// One rank that dispatches and combines until something ends it.
class BusyRank {
 public:
  BusyRank(int rank, int port, const SharedWords& shared)
      : shared_(shared),
        group_(make_group(rank, port)),
        x_(DeviceBuffer::copy_of(std::vector<std::uint16_t>(kTokens * kHidden, 0x3F80))),
        idx_(DeviceBuffer::copy_of(experts(rank))) {}

  Error run_until_error(Layout layout) {
    for (;;) {
      try {
        round_trip(layout);
        if (group_.rank() == 0) ++shared_->calls_made;
      } catch (const Error& error) {
        return error;
      }
    }
  }

  void round_trip(Layout layout) {
    const DispatchResult rows = group_.dispatch(input(), {.layout = layout});
    const CombineResult sums = group_.combine(rows.handle, {.x = rows.x});
    kernels::check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(group_.stream())), "cudaStreamSynchronize");
    last_ = read_back<std::uint16_t>(sums.y.data, kTokens * kHidden);
  }

  PendingDispatch send() { return group_.dispatch_send(input(), {.layout = Layout::kExpertPadded}); }
  /// Of this test, not of the library: a forked child must not free them.
  void give_up_buffers() {
    new DeviceBuffer(std::move(x_));
    new DeviceBuffer(std::move(idx_));
  }

  Group& group() { return group_; }
  const std::vector<std::uint16_t>& last() const { return last_; }

 private:
  static Group make_group(int rank, int port) {
    int count = 0;
    kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    kernels::check_cuda(cudaSetDevice(rank % count), "cudaSetDevice");
    return {World::tcp({.rank = rank, .num_ranks = 2, .port = port}),
            {.num_experts = kExperts,
             .top_k = kTopK,
             .hidden = kHidden,
             .max_tokens = kTokens,
             .latency_max_tokens = kTokens,
             .backend = Backend::kCuda,
             .num_sms = 8,
             .deadline = kSoon}};
  }

  static std::vector<std::int32_t> experts(int rank) {
    std::vector<std::int32_t> result;
    for (int i = 0; i < kTokens * kTopK; ++i) result.push_back((i * 5 + rank) % kExperts);
    return result;
  }

  DispatchInput input() const {
    return {.x = dense_view(x_.as<const void>(), DType::kBf16, {kTokens, kHidden}),
            .topk_idx = dense_view(idx_.as<const void>(), DType::kInt32, {kTokens, kTopK})};
  }

  const SharedWords& shared_;
  Group group_;
  DeviceBuffer x_, idx_;
  std::vector<std::uint16_t> last_;
};

/// The survivor: names rank 1, goes on alone, and gets what one rank gets: half of the experts are gone.
void survive(BusyRank& rank, Layout layout, ErrorCode code, const SharedWords& shared) {
  const Error error = rank.run_until_error(layout);
  shared->is_named = true;
  expect(error.code() == code, std::string(name_of(code)) + ", got " + error.what());
  expect(error.report().peer == 1, "rank 1 to be named, got " + std::string(error.what()));
  rank.group().set_deadline(kSoon);
  rank.group().set_live_ranks(std::vector<int>{0});
  for (int round = 0; round < 3; ++round) rank.round_trip(layout);
  expect(!rank.group().status(), "a healthy group of one rank");
}

/// Asked by a child: a process that has used CUDA may not fork.
bool has_two_gpus() {
  testing::ForkedRanks asker(1, [](int) {
    int count = 0;
    expect(cudaGetDeviceCount(&count) == cudaSuccess && count >= 2, "two GPUs");
  });
  return asker.wait(kSoon).front().succeeded();
}

/// Two processes, a GPU each.
class ProcessFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_two_gpus()) GTEST_SKIP() << "no two GPUs";
  }
};

TEST_F(ProcessFaults, AKilledRankIsNamedAndTheOtherGoesOn) {
  for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous}) {
    const int port = testing::free_port();
    const SharedWords shared;
    testing::ForkedRanks ranks(2, [&](int rank) {
      BusyRank busy(rank, port, shared);
      if (rank == 1) {
        busy.run_until_error(layout);
      } else {
        survive(busy, layout, ErrorCode::kRankLost, shared);
      }
    });
    EXPECT_TRUE(wait_for([&] { return shared->calls_made >= kCallsBefore; }, kSoon));
    ranks.kill(1);
    EXPECT_TRUE(wait_for([&] { return shared->is_named.load(); }, kNamedWithin));
    const auto ends = ranks.wait(kSoon);
    EXPECT_EQ(ends[0].message, "");
    EXPECT_EQ(ends[1].signal, SIGKILL);
  }
}

TEST_F(ProcessFaults, AStoppedRankIsNamedAtTheDeadlineAndLearnsOfIt) {
  for (const Layout layout : {Layout::kFlat, Layout::kExpertPadded}) {
    const int port = testing::free_port();
    const SharedWords shared;
    testing::ForkedRanks ranks(2, [&](int rank) {
      BusyRank busy(rank, port, shared);
      busy.round_trip(layout);
      busy.group().set_deadline(milliseconds(1500));
      if (rank == 1) {
        const Error error = busy.run_until_error(layout);
        expect(error.code() == ErrorCode::kDeadlineExceeded || error.code() == ErrorCode::kAborted,
               "a fault, got " + std::string(error.what()));
      } else {
        survive(busy, layout, ErrorCode::kDeadlineExceeded, shared);
      }
    });
    EXPECT_TRUE(wait_for([&] { return shared->calls_made >= kCallsBefore; }, kSoon));
    ::kill(ranks.pid(1), SIGSTOP);
    EXPECT_TRUE(wait_for([&] { return shared->is_named.load(); }, kNamedWithin));
    ::kill(ranks.pid(1), SIGCONT);
    const auto ends = ranks.wait(kSoon);
    EXPECT_EQ(ends[0].message, "");
    EXPECT_EQ(ends[1].message, "");
  }
}

// Workers of a data loader: what they do with their copies calls no CUDA and reaches nobody.
TEST_F(ProcessFaults, AForkedChildLeavesTheRanksAlone) {
  const int port = testing::free_port();
  const SharedWords shared;
  testing::ForkedRanks ranks(2, [&](int rank) {
    auto busy = std::make_unique<BusyRank>(rank, port, shared);
    busy->round_trip(Layout::kFlat);
    auto pending = std::make_unique<PendingDispatch>(busy->send());
    const pid_t child = ::fork();
    if (child == 0) {
      busy->give_up_buffers();
      std::string refusal;
      try {
        busy->group().dispatch_receive(std::move(*pending));
      } catch (const Error& error) {
        refusal = error.what();
      }
      busy->group().abort("a child's word");
      pending.reset();
      busy.reset();
      ::_exit(refusal.find("forked child") != std::string::npos ? 0 : 1);
    }
    int status = -1;
    expect(::waitpid(child, &status, 0) == child && status == 0, "a child that ends in order");
    (void)busy->group().dispatch_receive(std::move(*pending));
    for (int round = 0; round < 3; ++round) busy->round_trip(Layout::kFlat);
    expect(!busy->group().status(), "a healthy group");
  });
  const auto ends = ranks.wait(kSoon);
  EXPECT_EQ(ends[0].message, "");
  EXPECT_EQ(ends[1].message, "");
}

}  // namespace
}  // namespace crossdock::gpu
