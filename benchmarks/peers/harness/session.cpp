#include "harness/session.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace crossdock::peers {
namespace {

struct Command {
  std::string verb = {};
  std::string name = {};
  int count = 1;
};

Command parse(const std::string& line) {
  Command command;
  std::istringstream words(line);
  words >> command.verb >> command.name >> command.count;
  return command;
}

void answer(const Meeting& meeting, const std::string& line) {
  if (meeting.rank() != 0) return;
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

const Operation& find(const std::vector<Operation>& operations, const std::string& name) {
  const auto found = std::ranges::find(operations, name, &Operation::name);
  if (found == operations.end()) throw std::invalid_argument("no operation is called " + name);
  return *found;
}

std::vector<double> time(Meeting& meeting, const Operation& operation, int count) {
  std::vector<double> seconds;
  for (int i = 0; i < count; ++i) {
    operation.before();
    seconds.push_back(1e-9 * static_cast<double>(meeting.time(operation.run)) / operation.repeats);
  }
  return seconds;
}

std::string show(Meeting& meeting, const Operation& operation) {
  Digest digest;
  operation.before();
  meeting.wait();
  operation.run();
  operation.digest(digest);
  meeting.exhibit(meeting.rank()) = {
      .low = digest.low(), .high = digest.high(), .bytes = digest.bytes(), .rows = operation.rows()};
  meeting.wait();
  std::vector<std::string> ranks;
  for (int rank = 0; rank < meeting.num_ranks(); ++rank) {
    const Meeting::Exhibit& exhibit = meeting.exhibit(rank);
    ranks.push_back(fmt::format(R"({{"digest": "{:016x}{:016x}", "bytes": {}, "rows": {}}})", exhibit.high, exhibit.low,
                                exhibit.bytes, exhibit.rows));
  }
  meeting.wait();  // the exhibits are free again
  return fmt::format(R"({{"ranks": [{}]}})", fmt::join(ranks, ", "));
}

}  // namespace

void run_session(Meeting& meeting, const std::vector<Operation>& operations, const std::string& about) {
  answer(meeting, about);
  for (;;) {
    std::string line;
    if (meeting.rank() == 0) {
      std::getline(std::cin, line);
      meeting.say(line);
    }
    meeting.wait();
    const Command command = parse(meeting.heard());
    meeting.wait();  // the line may change
    if (command.verb.empty()) return;
    const Operation& operation = find(operations, command.name);
    if (command.verb == "time") {
      answer(meeting, fmt::format(R"({{"seconds": [{}]}})", fmt::join(time(meeting, operation, command.count), ", ")));
    } else if (command.verb == "digest") {
      answer(meeting, show(meeting, operation));
    } else {
      throw std::invalid_argument("expected time or digest, got " + command.verb);
    }
  }
}

void end_with_parent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

}  // namespace crossdock::peers
