#include "transport/launcher/pmi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "../../multi/fork_ranks.hpp"
#include "gather.hpp"
#include "transport/bootstrap/connect_job.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using transport::FileDescriptor;
using transport::Job;
using transport::parse_pmi_answer;
using transport::Pmi;

TEST(PmiWire, WordsOfAnAnswer) {
  const auto answer = parse_pmi_answer("cmd=get_result rc=0 msg=success value=a=b,[::1]:7 ");
  EXPECT_EQ(answer.command, "get_result");
  EXPECT_EQ(answer.word("value"), "a=b,[::1]:7");
  EXPECT_EQ(answer.integer("rc", -1, 1), 0);
  EXPECT_THAT(error_of([&] { (void)answer.word("kvsname"); }).what(), HasSubstr("get_result: expected kvsname=..."));
  EXPECT_THAT(error_of([&] { (void)answer.integer("msg", 0, 1); }).what(), HasSubstr("expected an integer of [0, 1]"));
  EXPECT_THAT(error_of([&] { (void)answer.integer("rc", 1, 2); }).what(), HasSubstr("of [1, 2], got 0"));
}

TEST(PmiWire, WhatIsNoAnswerIsRefused) {
  for (const char* line : {"", " ", "rc=0", "cmd", "cmd=", "cmd=a b", "cmd=a =b", "cmd=a b=1 b=2", "cmd=a cmd=b",
                           "cmd=a b=\x01", "cmd=a b=\xC3\xA4", "HTTP/1.1 400"}) {
    EXPECT_THROW(parse_pmi_answer(line), Error) << line;
  }
}

TEST(PmiWire, ARequestIsALine) {
  EXPECT_EQ(transport::pmi_request("put", {{"key", "k"}, {"value", "v"}}), "cmd=put key=k value=v\n");
  for (const char* value : {"a b", "a\n", "\x7F"}) {
    EXPECT_THROW(transport::pmi_request("put", {{"value", value}}), Error) << value;
  }
}

constexpr const char* kGreeting = "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n";
constexpr const char* kMaxes = "cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024\n";
constexpr const char* kName = "cmd=my_kvsname kvsname=kvs_1_0\n";

/// A connection whose other end has said all that it will, and perhaps hung up.
class Said {
 public:
  explicit Said(std::initializer_list<std::string_view> lines, bool hung_up = false) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw std::runtime_error("socketpair");
    mine_ = FileDescriptor(ends[0]);
    other_ = FileDescriptor(ends[1]);
    // One after the other: an answer is to be read before the next request.
    for (const std::string_view line : lines) ::send(other_.number(), line.data(), line.size(), MSG_NOSIGNAL);
    if (hung_up) ::shutdown(other_.number(), SHUT_RDWR);
  }
  int fd() const { return mine_.number(); }

 private:
  FileDescriptor mine_;
  FileDescriptor other_;
};

Error error_after(std::string_view answer, bool hung_up = false) {
  const Said said({answer}, hung_up);
  return error_of([&] { Pmi(said.fd(), base::Deadline(200ms)); });
}

TEST(Pmi, ErrorsSayWhatWasExpectedAndGot) {
  EXPECT_THAT(error_after("").what(), HasSubstr("expected response_to_init of mpiexec in time, got nothing"));
  EXPECT_EQ(error_after("").code(), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error_after("cmd=response_to_init").what(), HasSubstr("got nothing"));
  EXPECT_THAT(error_after(kMaxes).what(),
              HasSubstr("cmd=init pmi_version=1 pmi_subversion=1: expected response_to_init with rc=0 of mpiexec, got "
                        "\"cmd=maxes"));
  EXPECT_THAT(error_after("cmd=response_to_init rc=-1\n").what(), HasSubstr("got \"cmd=response_to_init rc=-1\""));
  EXPECT_THAT(error_after("hello\n").what(), HasSubstr("expected a line cmd=... name=value ..., got \"hello\""));
  EXPECT_THAT(error_after(std::string(20'000, 'x')).what(), HasSubstr("of at most 16384 bytes, got more"));
}

TEST(Pmi, AConnectionThatIsNoneIsRefused) {
  const Error error = error_of([] { Pmi(987, base::Deadline(200ms)); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("PMI_FD: expected mpiexec's connection, got 987"), HasSubstr("before MPI_Finalize")));
  EXPECT_EQ(error_of([] { Pmi(STDIN_FILENO, base::Deadline(200ms)); }).code(), ErrorCode::kInvalidArgument);
}

/// What mpiexec does for its processes, in the little that ranks ask of it.
class Mpiexec {
 public:
  explicit Mpiexec(int num_ranks) : ends_(static_cast<std::size_t>(num_ranks)), theirs_(ends_.size()) {
    for (std::size_t rank = 0; rank < ends_.size(); ++rank) {
      std::array<int, 2> pair{};
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
        throw std::runtime_error("socketpair");
      ends_[rank] = FileDescriptor(pair[0]);
      theirs_[rank] = pair[1];
    }
  }

  int fd_of(int rank) const { return theirs_[static_cast<std::size_t>(rank)]; }

  /// Until all have hung up.
  void serve() {
    for (const int end : theirs_) ::close(end);
    std::vector<std::string> lines(ends_.size());
    for (std::size_t open = ends_.size(); open > 0;) {
      std::vector<pollfd> watched;
      for (const FileDescriptor& end : ends_) watched.push_back({.fd = end.number(), .events = POLLIN, .revents = 0});
      if (::poll(watched.data(), watched.size(), 30'000) <= 0) return;
      for (std::size_t rank = 0; rank < ends_.size(); ++rank) {
        if (watched[rank].revents == 0) continue;
        char byte = 0;
        if (::recv(ends_[rank].number(), &byte, 1, 0) <= 0) {
          ends_[rank] = FileDescriptor();
          --open;
        } else if (byte != '\n') {
          lines[rank] += byte;
        } else {
          answer(rank, std::exchange(lines[rank], ""));
        }
      }
    }
  }

  const std::vector<std::string>& requests() const { return requests_; }

 private:
  void say(std::size_t rank, const std::string& line) {
    ::send(ends_[rank].number(), line.data(), line.size(), MSG_NOSIGNAL);
  }

  void answer(std::size_t rank, const std::string& line) {
    requests_.push_back(line);
    const auto request = parse_pmi_answer(line);
    if (request.command == "init") say(rank, kGreeting);
    if (request.command == "get_maxes") say(rank, kMaxes);
    if (request.command == "get_my_kvsname") say(rank, kName);
    if (request.command == "put") {
      values_[request.word("key")] = request.word("value");
      say(rank, "cmd=put_result rc=0 msg=success\n");
    }
    if (request.command == "get") {
      say(rank, "cmd=get_result rc=0 msg=success value=" + values_[request.word("key")] + "\n");
    }
    if (request.command == "barrier_in" && ++num_waiting_ == ends_.size()) {
      num_waiting_ = 0;
      for (std::size_t all = 0; all < ends_.size(); ++all) say(all, "cmd=barrier_out\n");
    }
    if (request.command == "finalize") say(rank, "cmd=finalize_ack\n");
  }

  std::vector<FileDescriptor> ends_;
  std::vector<int> theirs_;  ///< plain numbers: forks keep them open
  std::map<std::string, std::string> values_;
  std::size_t num_waiting_ = 0;
  std::vector<std::string> requests_;
};

/// Ranks as processes under a small mpiexec.
std::vector<RankEnd> run_under_mpiexec(int num_ranks, const std::function<void(const Job&)>& body) {
  Mpiexec mpiexec(num_ranks);
  ForkedRanks ranks(num_ranks, [&](int rank) {
    body({.launcher = transport::Launcher::kHydra,
          .rank = rank,
          .num_ranks = num_ranks,
          .one_machine = rank % 2 == 0,  // as it is, and as it is where mpiexec does not say so
          .pmi_fd = mpiexec.fd_of(rank)});
  });
  mpiexec.serve();
  return ranks.wait(30s);
}

TEST(Pmi, RanksMeetAgainAndAgain) {
  for (const RankEnd& end : run_under_mpiexec(3, [](const Job& job) {
         for (int world = 0; world < 3; ++world) {
           const auto mine = connect_job(job, {});
           EXPECT_THAT(gather_text(*mine, std::to_string(job.rank)), ElementsAre("0", "1", "2"));
         }
       })) {
    EXPECT_TRUE(end.succeeded()) << end.message;
  }
}

TEST(Pmi, RanksOfSeveralMachinesFindRankZeroByItsAddresses) {
  for (const RankEnd& end : run_under_mpiexec(2, [](Job job) {
         job.one_machine = false;
         EXPECT_THAT(gather_text(*connect_job(job, {}), std::to_string(job.rank)), ElementsAre("0", "1"));
         EXPECT_THAT(gather_text(*connect_job(job, {.interface = "lo"}), "x"), ElementsAre("x", "x"));
       })) {
    EXPECT_TRUE(end.succeeded()) << end.message;
  }
}

TEST(Pmi, RankZerosFailureReachesAllAtOnce) {
  for (const RankEnd& end : run_under_mpiexec(3, [](const Job& job) {
         const base::Deadline soon(20s);
         const WorldOptions options{.interface = job.rank == 0 ? "nosuch0" : ""};
         const Error error = error_of([&] { connect_job(job, options); });
         EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
         EXPECT_THAT(error.what(), HasSubstr("got \"nosuch0\""));
         EXPECT_FALSE(soon.expired());
       })) {
    EXPECT_TRUE(end.succeeded()) << end.message;
  }
}

TEST(Pmi, ARankThatDoesNotComeEndsTheBarrierAtTheDeadline) {
  const auto ends = run_under_mpiexec(2, [](const Job& job) {
    if (job.rank == 1) return;
    const Error error = error_of([&] { connect_job(job, {.deadline = 200ms}); });
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(error.what(), HasSubstr("not all ranks have come to World::from_environment"));
  });
  EXPECT_TRUE(ends[0].succeeded()) << ends[0].message;
}

// A process that has used the connection and ends without "finalize" has died in mpiexec's eyes.
TEST(Pmi, ItIsFinalizedWhenTheProcessExitsAndNotBefore) {
  Mpiexec mpiexec(1);
  const pid_t child = ::fork();
  if (child == 0) {
    {
      const Pmi first(mpiexec.fd_of(0), base::Deadline(10s));
    }
    Pmi second(mpiexec.fd_of(0), base::Deadline(10s));
    second.barrier();
    std::exit(0);  // NOLINT(concurrency-mt-unsafe): one thread
  }
  mpiexec.serve();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(mpiexec.requests(),
              ElementsAre(HasSubstr("init"), "cmd=get_maxes", "cmd=get_my_kvsname", HasSubstr("init"), "cmd=get_maxes",
                          "cmd=get_my_kvsname", "cmd=barrier_in", "cmd=finalize"));
}

}  // namespace
}  // namespace crossdock::testing
