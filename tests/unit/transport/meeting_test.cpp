// Who meets whom: identities, versions, ports, and what ranks learn of one another where there is no job.
#include "transport/bootstrap/meeting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>
#include <set>

#include "../../multi/free_port.hpp"
#include "../../multi/wait_for.hpp"
#include "crossdock/version.hpp"
#include "gather.hpp"
#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/connect_job.hpp"
#include "transport/bootstrap/tcp.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using transport::connect_job;
using transport::connect_tcp;
using transport::Frame;
using transport::FrameType;
using transport::Job;
using transport::ports_of;

// 203.0.113.0/24 is for documentation: no machine has such an address.
constexpr const char* kNobodysAddress = "203.0.113.1";

/// What all ranks of the group said, or why there is none.
std::string outcome(const std::function<std::shared_ptr<Bootstrap>()>& connect, const std::string& mine) {
  try {
    std::string all;
    for (const std::string& text : gather_text(*connect(), mine)) all += text;
    return all;
  } catch (const Error& error) {
    return error.what();
  }
}

std::future<std::string> start(const TcpWorldOptions& options) {
  return std::async(std::launch::async, [options] {
    return outcome([&] { return connect_tcp(options); }, options.identity + std::to_string(options.rank));
  });
}

std::future<std::string> start_job(const Job& job, const WorldOptions& options = {}) {
  return std::async(std::launch::async, [job, options] {
    return outcome([&] { return connect_job(job, options); }, job.identity + std::to_string(job.rank));
  });
}

void wait_for_listener(int port) {
  ASSERT_TRUE(wait_for([&] { return !is_free(port); }, 10s));
}

/// Of one machine, as a launcher tells it.
Job job_of(const std::string& identity, int rank, std::optional<int> port = {}) {
  return {.launcher = transport::Launcher::kTorchrun,
          .rank = rank,
          .num_ranks = 2,
          .identity = identity,
          .address = "127.0.0.1",
          .port = port};
}

TEST(Meeting, AStrangerIsTurnedAwayWithAReasonAndTheJobGoesOn) {
  const int port = free_port();
  auto a0 = start({.rank = 0, .num_ranks = 2, .port = port, .identity = "A"});
  wait_for_listener(port);
  auto b1 = start({.rank = 1, .num_ranks = 2, .port = port, .deadline = 1s, .identity = "B"});
  EXPECT_THAT(b1.get(),
              AllOf(HasSubstr("rank 0 did not appear"), HasSubstr("job \"A\" (library " + std::string(version()) +
                                                                  ") listens there, this is a "
                                                                  "rank of job \"B\"")));
  auto a1 = start({.rank = 1, .num_ranks = 2, .port = port, .identity = "A"});
  EXPECT_EQ(a0.get(), "A0A1");
  EXPECT_EQ(a1.get(), "A0A1");
}

// A0, B1, B0, A1 at once: whoever has the port meets its own; the other job fails on all its ranks, or comes after.
TEST(Meeting, TwoJobsOfOnePortNeverMix) {
  for (int repetition = 0; repetition < 10; ++repetition) {
    const int port = free_port();
    std::vector<std::future<std::string>> outcomes;
    for (const auto& [identity, rank] : {std::pair{"A", 0}, std::pair{"B", 1}, std::pair{"B", 0}, std::pair{"A", 1}}) {
      outcomes.push_back(start_job(job_of(identity, rank, port)));
    }
    const std::string a0 = outcomes[0].get();
    const std::string b1 = outcomes[1].get();
    const std::string b0 = outcomes[2].get();
    const std::string a1 = outcomes[3].get();
    EXPECT_TRUE(a0 == "A0A1" || b0 == "B0B1") << a0 << '\n' << b0;
    for (const auto& [name, zero, one] : {std::tuple{"A", a0, a1}, std::tuple{"B", b0, b1}}) {
      const std::string right = std::string(name) + "0" + name + "1";
      if (zero == right && one == right) continue;
      const auto named =
          AllOf(HasSubstr("Address already in use"), HasSubstr("choose another MASTER_PORT or unset it"));
      EXPECT_THAT(zero, named);
      EXPECT_THAT(one, named);
    }
  }
}

TEST(Meeting, AJobWithoutANameMatchesOnlyItsLike) {
  const int port = free_port();
  auto zero = start({.rank = 0, .num_ranks = 2, .port = port});
  wait_for_listener(port);
  auto stranger = start({.rank = 1, .num_ranks = 2, .port = port, .deadline = 1s, .identity = "A"});
  EXPECT_THAT(stranger.get(), HasSubstr("a job without a name (library"));
  auto one = start({.rank = 1, .num_ranks = 2, .port = port});
  EXPECT_EQ(zero.get(), "01");
  EXPECT_EQ(one.get(), "01");
}

/// A rank's connection to rank 0, by hand.
class Hand {
 public:
  Hand(int port, const Frame& hello)
      : channel_(transport::try_connect({.address = "127.0.0.1", .port = port}, deadline_).socket,
                 transport::kMaxPayloadBytes) {
    channel_.send(hello, deadline_);
  }
  Frame answer() { return channel_.receive(deadline_).value(); }

 private:
  base::Deadline deadline_{10s};
  transport::Channel channel_;
};

Frame hello_of(const std::string& identity, std::uint32_t rank, const std::string& library,
               std::uint32_t deadline_ms = 10'000) {
  return {.type = FrameType::kHello,
          .payload = encode(transport::Hello{
              .identity = identity, .library = library, .num_ranks = 3, .rank = rank, .deadline_ms = deadline_ms})};
}

TEST(Meeting, RankZeroSaysWhomItTurnedAway) {
  const int port = free_port();
  auto zero = start({.rank = 0, .num_ranks = 3, .port = port, .identity = "A"});
  wait_for_listener(port);
  EXPECT_EQ(Hand(port, hello_of("", 1, "0.1.0")).answer().type, FrameType::kStranger);
  // The shortest deadline counts: this one's ends the wait.
  Hand two(port, hello_of("A", 2, std::string(version()), 1));
  EXPECT_THAT(zero.get(), AllOf(HasSubstr("rank 1 did not appear in time"), HasSubstr("turned away: "),
                                HasSubstr("a rank of a job without a name, where ranks of job \"A\" meet")));
}

TEST(Meeting, OtherVersionsOfOneJobAreAnErrorOnAll) {
  Frame other_protocol = hello_of("A", 1, "0.9.0");
  other_protocol.version = 3;
  for (const Frame& hello : {hello_of("A", 1, "0.0.9"), other_protocol}) {
    const int port = free_port();
    auto zero = start({.rank = 0, .num_ranks = 3, .port = port, .identity = "A"});
    wait_for_listener(port);
    Hand two(port, hello_of("A", 2, std::string(version())));
    EXPECT_EQ(two.answer().type, FrameType::kAccepted);
    const Frame answer = Hand(port, hello).answer();
    ASSERT_EQ(answer.type, FrameType::kFailure);
    const std::string text = transport::parse_failure(answer.payload).text;
    const std::string theirs = transport::parse_hello(hello.payload, hello.version).library;
    EXPECT_THAT(text, AllOf(HasSubstr("library: expected the same on all ranks, got " + std::string(version())),
                            HasSubstr(theirs + " (protocol " + std::to_string(hello.version))));
    EXPECT_THAT(zero.get(), HasSubstr(text));
    EXPECT_EQ(transport::parse_failure(two.answer().payload).text, text);
  }
}

TEST(Meeting, OtherVersionsOfOtherJobsAreStrangers) {
  const int port = free_port();
  auto zero = start({.rank = 0, .num_ranks = 2, .port = port, .identity = "A"});
  wait_for_listener(port);
  Frame hello = hello_of("B", 1, "0.9.0");
  hello.version = 3;
  const Frame answer = Hand(port, hello).answer();
  ASSERT_EQ(answer.type, FrameType::kStranger);
  EXPECT_EQ(transport::parse_stranger(answer.payload).identity, "A");
  EXPECT_EQ(transport::parse_stranger(answer.payload).library, version());
  auto one = start({.rank = 1, .num_ranks = 2, .port = port, .identity = "A"});
  EXPECT_EQ(zero.get(), "A0A1");
  EXPECT_EQ(one.get(), "A0A1");
}

// Every build and every version has to find the same ones.
TEST(Meeting, PortsFollowFromTheIdentity) {
  EXPECT_THAT(ports_of("17.0"), ElementsAre(21'015, 22'001, 22'987, 23'973, 24'959, 25'945, 26'931, 27'917));
  std::set<int> first_ports;
  for (int job = 0; job < 200; ++job) {
    const std::vector<int> ports = ports_of(std::to_string(job) + ".0");
    EXPECT_EQ(std::set<int>(ports.begin(), ports.end()).size(), 8U);
    for (const int port : ports) EXPECT_TRUE(port >= 20'000 && port < 30'000) << port;
    first_ports.insert(ports.front());
  }
  EXPECT_GT(first_ports.size(), 180U);
}

TEST(Meeting, TakenPortsOfAnIdentityArePassedOver) {
  const std::string identity = "taken ports " + std::to_string(free_port());
  const auto ports = ports_of(identity);
  // One holds its tongue, on the other another job meets.
  const auto silent = transport::listen_at({.address = "127.0.0.1", .port = ports[0]});
  auto other = start({.rank = 0, .num_ranks = 2, .port = ports[1], .deadline = 60s, .identity = "B"});
  wait_for_listener(ports[1]);
  auto one = start_job(job_of(identity, 1));
  auto zero = start_job(job_of(identity, 0));
  const std::string all = identity + "0" + identity + "1";
  EXPECT_EQ(zero.get(), all);
  EXPECT_EQ(one.get(), all);
  auto rest_of_other = start({.rank = 1, .num_ranks = 2, .port = ports[1], .deadline = 60s, .identity = "B"});
  EXPECT_EQ(other.get(), "B0B1");
  rest_of_other.get();
}

TEST(Meeting, JobsWithoutAnySettingNeitherMixNorFail) {
  std::vector<std::future<std::string>> outcomes;
  const std::string suffix = std::to_string(free_port());
  for (int job = 0; job < 10; ++job) {
    for (const int rank : {1, 0}) outcomes.push_back(start_job(job_of(suffix + "." + std::to_string(job) + ".", rank)));
  }
  for (int job = 0; job < 10; ++job) {
    const std::string identity = suffix + "." + std::to_string(job) + ".";
    for (const int which : {2 * job, 2 * job + 1}) {
      EXPECT_EQ(outcomes[static_cast<std::size_t>(which)].get(), identity + "0" + identity + "1");
    }
  }
}

TEST(Meeting, APortThatIsTakenIsToldToAllAtOnce) {
  const int port = free_port();
  const auto foreign = transport::listen_at({.address = "127.0.0.1", .port = port});
  const base::Deadline soon(20s);
  auto one = start_job(job_of("A", 1, port));
  auto zero = start_job(job_of("A", 0, port));
  const auto named = AllOf(HasSubstr("bind: 127.0.0.1:" + std::to_string(port) + ": Address already in use"),
                           HasSubstr("choose another MASTER_PORT or unset it"));
  EXPECT_THAT(zero.get(), named);
  EXPECT_THAT(one.get(), named);
  EXPECT_FALSE(soon.expired());
}

TEST(Meeting, AnAddressOfAnotherMachineIsToldToAllAtOnce) {
  Job job = job_of("not own address " + std::to_string(free_port()), 0);
  job.address = kNobodysAddress;
  const base::Deadline soon(20s);
  auto zero = start_job(job);
  job.rank = 1;
  auto one = start_job(job);
  const auto named = AllOf(HasSubstr(kNobodysAddress), HasSubstr("Cannot assign requested address"),
                           HasSubstr("set MASTER_ADDR to one of its own or unset it"));
  EXPECT_THAT(zero.get(), named);
  EXPECT_THAT(one.get(), named);
  EXPECT_FALSE(soon.expired());
}

TEST(Meeting, AnUnknownInterfaceIsToldToAllAtOnce) {
  const int port = free_port();
  const base::Deadline soon(20s);
  auto zero = start_job(job_of("A", 0, port), {.interface = "nosuch0"});
  auto one = start_job(job_of("A", 1, port));
  EXPECT_THAT(zero.get(), HasSubstr("interface: expected one that is up"));
  EXPECT_THAT(one.get(), HasSubstr("got \"nosuch0\""));
  Job job = job_of("A", 0, port);
  job.address.reset();
  job.one_machine = true;
  auto again_zero = start_job(job, {.interface = "nosuch0"});
  job.rank = 1;
  EXPECT_THAT(start_job(job).get(), HasSubstr("got \"nosuch0\""));
  EXPECT_THAT(again_zero.get(), HasSubstr("got \"nosuch0\""));
  EXPECT_FALSE(soon.expired());
}

TEST(Meeting, OptionsComeBeforeVariables) {
  const int port = free_port();
  const auto foreign = transport::listen_at({.address = "127.0.0.1", .port = port});
  const WorldOptions options{.address = "localhost", .port = free_port(), .identity = "given"};
  Job job = job_of("A", 0, port);
  job.address = kNobodysAddress;
  auto zero = start_job(job, options);
  job.rank = 1;
  job.identity = "B";
  auto one = start_job(job, options);
  EXPECT_EQ(zero.get(), "A0B1");
  EXPECT_EQ(one.get(), "A0B1");
  // And the deadline.
  EXPECT_THAT(start_job(job_of("A", 1, port), {.deadline = 123ms}).get(), HasSubstr("within 123 ms"));
  EXPECT_THAT(start_job(job_of("A", 1), {.port = 0}).get(), HasSubstr("port: expected [1, 65535], got 0"));
}

TEST(Meeting, WithoutAnAddressRanksOfOneMachineMeetAtLoopbackOrTheInterface) {
  for (const char* interface : {"", "lo"}) {
    Job job = job_of("one machine " + std::to_string(free_port()), 0);
    job.address.reset();
    job.one_machine = true;
    auto zero = start_job(job, {.interface = interface});
    job.rank = 1;
    auto one = start_job(job, {.interface = interface});
    EXPECT_EQ(zero.get(), job.identity + "0" + job.identity + "1");
    one.get();
  }
  Job job = job_of("A", 0);
  job.address.reset();
  EXPECT_THAT(start_job(job).get(), HasSubstr("MASTER_ADDR: not set"));
}

}  // namespace
}  // namespace crossdock::testing
