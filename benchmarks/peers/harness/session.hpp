// What a program can do, and the loop in which it does it on demand: rank 0 reads a command a line from standard input
// and answers with a line of JSON, so that a runner can take turns among programs that stay alive.
//
//   time NAME COUNT   -> {"seconds": [...]}             of the whole job, first begin to last end
//   digest NAME       -> {"ranks": [{"digest", "bytes", "rows"}, ...]}
//   end of input      -> the program ends
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/digest.hpp"
#include "harness/meeting.hpp"

namespace crossdock::peers {

struct Operation {
  std::string name = {};
  std::function<void()> run = {};
  std::function<void()> before = [] {};                                   ///< untimed, before each run
  std::function<void(Digest&)> digest = [](Digest&) {};                   ///< adds this rank's output of the last run
  std::function<std::uint64_t()> rows = [] { return std::uint64_t{0}; };  ///< moved by this rank in one run
  int repeats = 1;  ///< times that `run` does the work: seconds are of one
};

/// Collective. `about` is a JSON object; rank 0 prints it first.
void run_session(Meeting& meeting, const std::vector<Operation>& operations, const std::string& about);

/// For a rank that nothing else ends: it dies with the process that started it.
void end_with_parent();

}  // namespace crossdock::peers
