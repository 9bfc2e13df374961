// What every transport between ranks of one machine has to do, whatever it is made of.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <thread>

#include "base/clock.hpp"
#include "crossdock/error.hpp"
#include "transport_kinds.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using transport::PeerState;
using transport::Transport;

class TransportConformance : public ::testing::TestWithParam<TransportKind> {
 protected:
  using Body = std::function<void(Bootstrap&, Transport&)>;

  /// Runs the body on connected ranks with windows of one size.
  void run(int num_ranks, std::size_t window_bytes, int num_signals, const Body& body) {
    GetParam().run(num_ranks, [&](Bootstrap& bootstrap) {
      const auto transport = GetParam().connect(bootstrap, {.window_bytes = window_bytes, .num_signals = num_signals});
      body(bootstrap, *transport);
    });
  }
};

std::chrono::milliseconds since(base::Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(base::Clock::now() - start);
}

TEST_P(TransportConformance, SaysWhatItIs) {
  run(3, 4096, 1, [](Bootstrap& bootstrap, Transport& transport) {
    EXPECT_EQ(transport.rank(), bootstrap.rank());
    EXPECT_EQ(transport.num_ranks(), 3);
    EXPECT_TRUE(transport.capabilities().peer_mapped);
    EXPECT_TRUE(transport.capabilities().ordered);
    EXPECT_FALSE(transport.capabilities().device_initiated);
    EXPECT_EQ(transport.peer_window(transport.rank()), transport.window().data());
    for (int peer = 0; peer < 3; ++peer) EXPECT_NE(transport.peer_window(peer), nullptr);
  });
}

TEST_P(TransportConformance, WindowsAreZeroAndMayDifferInSize) {
  const auto size_of_rank = [](int rank) { return static_cast<std::size_t>(rank) * 70'001; };
  GetParam().run(4, [&](Bootstrap& bootstrap) {
    const int rank = bootstrap.rank();
    const auto transport = GetParam().connect(bootstrap, {.window_bytes = size_of_rank(rank), .num_signals = 2});
    const std::span<std::byte> window = transport->window();
    ASSERT_EQ(window.size(), size_of_rank(rank));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(window.data()) % static_cast<std::uintptr_t>(::getpagesize()), 0U);
    EXPECT_TRUE(std::ranges::all_of(window, [](std::byte byte) { return byte == std::byte{0}; }));
    meet(bootstrap);

    // The last byte of each is there for everybody.
    const int peer = (rank + 1) % 4;
    const auto mark = static_cast<std::byte>(rank + 1);
    if (peer != 0) transport->put(peer, size_of_rank(peer) - 1, {&mark, 1});
    meet(bootstrap);
    if (rank != 0) {
      EXPECT_EQ(window.back(), static_cast<std::byte>(rank));
    }
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, WordsStartAtZeroAndNobodyWaits) {
  run(3, 0, 19, [](Bootstrap&, Transport& transport) {
    for (int peer = 0; peer < 3; ++peer) {
      for (int index = 0; index < 19; ++index) EXPECT_EQ(transport.observed(peer, index), 0U);
      EXPECT_EQ(transport.peer_waits_for(peer), -1);
    }
  });
}

TEST_P(TransportConformance, EveryWordIsItsOwn) {
  constexpr int kRanks = 3;
  constexpr int kSignals = 19;
  run(kRanks, 0, kSignals, [](Bootstrap& bootstrap, Transport& transport) {
    const auto value = [](int from, int to, int index) {
      return static_cast<std::uint64_t>(1 + index + 100 * to + 10'000 * from) << 32;
    };
    for (int peer = 0; peer < kRanks; ++peer) {
      for (int i = 0; i < kSignals; ++i) transport.signal(peer, i, value(transport.rank(), peer, i));
    }
    meet(bootstrap);
    for (int peer = 0; peer < kRanks; ++peer) {
      for (int i = 0; i < kSignals; ++i) EXPECT_EQ(transport.observed(peer, i), value(peer, transport.rank(), i));
    }
    EXPECT_EQ(transport.ticket(), static_cast<std::uint32_t>(kRanks * kSignals));
    meet(bootstrap);
  });
}

// A transfer of one round between two ranks: both sides compute it.
struct Transfer {
  std::size_t offset = 0;
  std::vector<std::byte> bytes = {};
};
Transfer transfer_of(int source, int target, int round, std::size_t section_bytes) {
  std::mt19937_64 random(static_cast<std::uint64_t>(source * 1'000'003 + target * 10'007 + round));
  Transfer transfer;
  transfer.offset = random() % section_bytes;
  transfer.bytes.resize(random() % (section_bytes - transfer.offset + 1));
  for (auto& byte : transfer.bytes) byte = static_cast<std::byte>(random());
  transfer.offset += static_cast<std::size_t>(source) * section_bytes;
  return transfer;
}

void exchange_round(Transport& transport, int round, std::size_t section_bytes) {
  const int num_ranks = transport.num_ranks();
  const auto sequence = static_cast<std::uint64_t>(round + 1);
  const auto all_reached = [&](int index) {
    for (int source = 0; source < num_ranks; ++source) {
      if (transport.observed(source, index) < sequence) return false;
    }
    return true;
  };
  for (int peer = 0; peer < num_ranks; ++peer) {
    const Transfer transfer = transfer_of(transport.rank(), peer, round, section_bytes);
    if (round % 2 == 0) {
      transport.put(peer, transfer.offset, transfer.bytes);
    } else {
      std::ranges::copy(transfer.bytes, transport.peer_window(peer) + transfer.offset);
    }
    transport.signal(peer, 0, sequence);
  }
  ASSERT_TRUE(wait_until(transport, [&] { return all_reached(0); }));
  for (int source = 0; source < num_ranks; ++source) {
    const Transfer transfer = transfer_of(source, transport.rank(), round, section_bytes);
    const auto arrived = transport.window().subspan(transfer.offset, transfer.bytes.size());
    ASSERT_TRUE(std::ranges::equal(arrived, transfer.bytes)) << "round " << round << " from rank " << source;
    transport.signal(source, 1, sequence);
  }
  ASSERT_TRUE(wait_until(transport, [&] { return all_reached(1); }));
}

TEST_P(TransportConformance, PutsAreVisibleAfterTheirSignal) {
  constexpr std::size_t kSection = 20'000;
  run(4, 4 * kSection, 2, [](Bootstrap&, Transport& transport) {
    for (int round = 0; round < 200 && !HasFatalFailure(); ++round) exchange_round(transport, round, kSection);
  });
}

TEST_P(TransportConformance, ASignalIsSeenAfterAllEarlierPuts) {
  constexpr std::uint64_t kPuts = 20'000;
  run(2, kPuts * sizeof(std::uint64_t), 1, [](Bootstrap&, Transport& transport) {
    if (transport.rank() == 0) {
      for (std::uint64_t i = 0; i < kPuts; ++i) {
        const std::uint64_t value = i + 1;
        transport.put(1, i * sizeof(value), std::as_bytes(std::span(&value, 1)));
        transport.signal(1, 0, value);
      }
      return;
    }
    std::uint64_t seen = 0;
    std::mt19937_64 random(1);
    while (seen < kPuts) {
      ASSERT_TRUE(wait_until(transport, [&] { return transport.observed(0, 0) > seen; }));
      seen = transport.observed(0, 0);
      for (const std::uint64_t slot : {seen - 1, random() % seen}) {
        std::uint64_t value = 0;
        std::memcpy(&value, transport.window().data() + slot * sizeof(value), sizeof(value));
        ASSERT_EQ(value, slot + 1) << "after signal " << seen;
      }
    }
  });
}

// A lost wake-up would show as a sleep that lasts to its end. Three ranks on two cores do not spin; the pauses make
// the partner sleep where ranks do spin.
TEST_P(TransportConformance, NoWakeUpIsLost) {
  constexpr std::uint64_t kRounds = 10'000;
  static constexpr auto kLongSleep = 5'000ms;
  run(3, 0, 1, [](Bootstrap& bootstrap, Transport& transport) {
    const int peer = 1 - transport.rank();
    for (std::uint64_t round = 1; round <= kRounds && transport.rank() < 2; ++round) {
      if (round % 64 == 0) std::this_thread::sleep_for(50us);
      if (transport.rank() == 0) transport.signal(peer, 0, round);
      for (std::uint32_t ticket = transport.ticket(); transport.observed(peer, 0) < round;
           ticket = transport.ticket()) {
        const auto start = base::Clock::now();
        transport.sleep(ticket, kLongSleep);
        ASSERT_LT(since(start), kLongSleep) << "round " << round;
      }
      if (transport.rank() == 1) transport.signal(peer, 0, round);
    }
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, SleepEndsAtItsTimeAndNotBefore) {
  run(2, 0, 1, [](Bootstrap& bootstrap, Transport& transport) {
    meet(bootstrap);
    const auto start = base::Clock::now();
    transport.sleep(transport.ticket(), 100ms);
    EXPECT_GE(since(start), 95ms);
    EXPECT_LT(since(start), 3'000ms);
    const auto second = base::Clock::now();
    transport.sleep(transport.ticket(), 0us);
    EXPECT_LT(since(second), 1'000ms);
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, ASignalSinceTheTicketEndsTheSleepAtOnce) {
  run(2, 0, 1, [](Bootstrap& bootstrap, Transport& transport) {
    const std::uint32_t ticket = transport.ticket();
    meet(bootstrap);
    transport.signal(1 - transport.rank(), 0, 1);
    meet(bootstrap);
    const auto start = base::Clock::now();
    transport.sleep(ticket, 20s);
    EXPECT_LT(since(start), 5'000ms);
    EXPECT_NE(transport.ticket(), ticket);
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, WakeEndsTheSleepOfTheOwnRank) {
  run(2, 0, 1, [](Bootstrap& bootstrap, Transport& transport) {
    const std::uint32_t ticket = transport.ticket();
    std::thread waker([&] {
      std::this_thread::sleep_for(50ms);
      transport.wake();
    });
    const auto start = base::Clock::now();
    while (transport.ticket() == ticket && since(start) < 20s) transport.sleep(ticket, 20s);
    EXPECT_LT(since(start), 5'000ms);
    waker.join();
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, TwoThreadsSignalAtOnce) {
  constexpr std::uint64_t kSignals = 10'000;
  run(2, 0, 2, [](Bootstrap& bootstrap, Transport& transport) {
    if (transport.rank() == 0) {
      std::vector<std::thread> threads;
      for (const int index : {0, 1}) {
        threads.emplace_back([&transport, index] {
          for (std::uint64_t value = 1; value <= kSignals; ++value) transport.signal(1, index, value);
          EXPECT_EQ(transport.peer_state(1), PeerState::kAlive);
        });
      }
      for (std::thread& thread : threads) thread.join();
    } else {
      for (const int index : {0, 1}) {
        EXPECT_TRUE(wait_until(transport, [&] { return transport.observed(0, index) == kSignals; }));
      }
      // The word is set before the bell rings.
      EXPECT_TRUE(wait_until(transport, [&] { return transport.ticket() == 2 * kSignals; }));
    }
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, PeersSeeWhomARankWaitsFor) {
  run(3, 0, 1, [](Bootstrap& bootstrap, Transport& transport) {
    transport.publish_wait((transport.rank() + 1) % 3);
    meet(bootstrap);
    for (int peer = 0; peer < 3; ++peer) EXPECT_EQ(transport.peer_waits_for(peer), (peer + 1) % 3);
    meet(bootstrap);
    transport.publish_wait(-1);
    meet(bootstrap);
    for (int peer = 0; peer < 3; ++peer) EXPECT_EQ(transport.peer_waits_for(peer), -1);
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, ARankThatLeavesIsSeenAndItsWindowStays) {
  GetParam().run(3, [&](Bootstrap& bootstrap) {
    auto transport = GetParam().connect(bootstrap, {.window_bytes = 4096, .num_signals = 1});
    transport->window()[7] = std::byte{42};
    meet(bootstrap);
    for (int peer = 0; peer < 3; ++peer) EXPECT_EQ(transport->peer_state(peer), PeerState::kAlive);
    meet(bootstrap);
    if (transport->rank() == 1) {
      transport.reset();
      meet(bootstrap);
      return;
    }
    // Leaving wakes sleepers.
    const auto start = base::Clock::now();
    EXPECT_TRUE(wait_until(*transport, [&] { return transport->peer_state(1) != PeerState::kAlive; }));
    EXPECT_LT(since(start), 5'000ms);
    EXPECT_EQ(transport->peer_state(1), PeerState::kLeft);
    EXPECT_EQ(transport->peer_window(1)[7], std::byte{42});
    transport->signal(1, 0, 5);
    EXPECT_EQ(transport->peer_state(2 - transport->rank()), PeerState::kAlive);
    meet(bootstrap);
    EXPECT_EQ(transport->peer_state(1), PeerState::kLeft);
  });
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::getpagesize());
}

TEST_P(TransportConformance, MemoryIsCommittedAsItIsTouched) {
  constexpr std::size_t kWindow = std::size_t{1} << 30;
  const std::size_t before = resident_bytes();
  run(2, kWindow, 64, [&](Bootstrap& bootstrap, Transport& transport) {
    const auto mark = std::byte{9};
    transport.put(1 - transport.rank(), kWindow - 1, {&mark, 1});
    meet(bootstrap);
    EXPECT_EQ(transport.window().back(), mark);
    EXPECT_LT(resident_bytes(), before + (std::size_t{50} << 20));
    meet(bootstrap);
  });
}

/// The error that connecting gives.
Error error_of(const TransportKind& kind, Bootstrap& bootstrap, const transport::LocalOptions& options) {
  try {
    kind.connect(bootstrap, options);
  } catch (const Error& error) {
    return error;
  }
  throw std::runtime_error("connected, but should have failed");
}

TEST_P(TransportConformance, DifferentNumbersOfSignalsAreRefusedByAll) {
  GetParam().run(3, [&](Bootstrap& bootstrap) {
    const int num_signals = bootstrap.rank() == 2 ? 8 : 4;
    const Error error = error_of(GetParam(), bootstrap, {.window_bytes = 4096, .num_signals = num_signals});
    EXPECT_EQ(error.code(), ErrorCode::kOptionsMismatch);
    EXPECT_THAT(error.what(), HasSubstr("got 4 on rank 0 and 8 on rank 2"));
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, ARankThatCannotConnectFailsAllAtOnce) {
  GetParam().run(3, [&](Bootstrap& bootstrap) {
    const auto start = base::Clock::now();
    const std::size_t bytes = bootstrap.rank() == 1 ? std::numeric_limits<std::size_t>::max() : 4096;
    const Error error = error_of(GetParam(), bootstrap, {.window_bytes = bytes, .num_signals = 1});
    const bool own = bootstrap.rank() == 1;
    EXPECT_EQ(error.code(), own ? ErrorCode::kInvalidArgument : ErrorCode::kRejectedByPeer);
    EXPECT_THAT(error.what(), HasSubstr("18446744073709551615 bytes"));
    if (!own) {
      EXPECT_THAT(error.what(), HasSubstr("rank 1 failed"));
    }
    EXPECT_LT(since(start), 10s);
    meet(bootstrap);
  });
}

TEST_P(TransportConformance, MemoryThatIsRefusedSaysHowMuch) {
  GetParam().run(1, [&](Bootstrap& bootstrap) {
    const Error error = error_of(GetParam(), bootstrap, {.window_bytes = std::size_t{1} << 62, .num_signals = 0});
    EXPECT_EQ(error.code(), ErrorCode::kSystem);
    EXPECT_THAT(error.what(), HasSubstr("46116860184"));
    EXPECT_THAT(error.what(), HasSubstr("bytes for a window"));
  });
}

TEST_P(TransportConformance, ARankThatDoesNotComeIsNamedAtTheDeadline) {
  GetParam().run(4, [&](Bootstrap& bootstrap) {
    if (bootstrap.rank() == 2) {
      std::this_thread::sleep_for(1'500ms);
      return;
    }
    const auto start = base::Clock::now();
    const Error error = error_of(GetParam(), bootstrap, {.window_bytes = 4096, .num_signals = 1, .deadline = 500ms});
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(error.what(), HasSubstr("rank 2 did not appear"));
    EXPECT_LT(since(start), 1'400ms);
  });
}

TEST_P(TransportConformance, OneRankAlone) {
  run(1, 100, 3, [](Bootstrap&, Transport& transport) {
    const auto mark = std::byte{3};
    transport.put(0, 99, {&mark, 1});
    transport.signal(0, 2, 17);
    EXPECT_EQ(transport.window().back(), mark);
    EXPECT_EQ(transport.observed(0, 2), 17U);
    EXPECT_EQ(transport.peer_state(0), PeerState::kAlive);
  });
}

INSTANTIATE_TEST_SUITE_P(Local, TransportConformance, ::testing::ValuesIn(all_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace crossdock::testing
