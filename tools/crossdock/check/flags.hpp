// The flags of crossdock check.
#pragma once

#include "check/command.hpp"
#include "check/repeat.hpp"
#include "command_line/command_line.hpp"

namespace crossdock::tools::check {

/// What the flags set.
struct CheckFlags {
  CheckOptions check{.threads = false, .processes = false, .backend = "auto"};
  RepeatOptions repeat;
};

void add_check_flags(Flags flags, CheckFlags& values);

/// Cases, or repetitions where they were asked for. Returns the exit code.
int run(Flags flags, const CheckFlags& values);

}  // namespace crossdock::tools::check
