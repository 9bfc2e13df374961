// The program crossdock: one command of it.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cfenv>
#include <cstdio>
#include <exception>

#include "bench/command.hpp"
#include "bench/flags.hpp"
#include "check/flags.hpp"
#include "command_line/command_line.hpp"
#include "crossdock/error.hpp"
#include "info.hpp"
#include "note.hpp"
#include "output_file.hpp"
#include "provenance.hpp"

namespace crossdock::tools {
namespace {

/// What a command returns, besides what signals make of it (128 + signal).
constexpr int kFailed = 1;  ///< a rank failed, a byte differs, the system refused
constexpr int kUsage = 2;   ///< the command line is wrong, or cannot be done here; nothing was run

int run_command(int argc, char** argv) {
  CommandLine line("crossdock", "Expert-parallel communication: measure it, check it, see what is here.",
                   "crossdock " + version_text());
  bool measure = false;
  std::string json;
  Flags info = line.command("info", "the machine, and what the library can use of it");
  info.flag("--measure", measure,
            "what the links between GPUs, their memory and flags can do, and what kernels take of an SM");
  info.text("--json", json, "write all of it to this file");
  bench::BenchOptions bench;
  bench.backend = "auto";
  bench::add_bench_flags(line.command("bench", "time dispatch and combine, compare them with the reference"), bench);
  bench::BenchOptions demo = bench::demo_options();
  demo.backend = "auto";
  bench::add_demo_flags(
      line.command("demo", "bench of both modes, 256 experts: 2 nodes x 4 ranks, or a rank a GPU; fits the memory"),
      demo);
  check::CheckFlags check;
  const Flags of_check = line.command("check", "random cases, every byte compared with the reference");
  check::add_check_flags(of_check, check);

  const auto command = line.parse(argc, argv);
  if (!command) return 0;
  const Provenance provenance = provenance_of(argc, argv);
  if (*command == "info") return run_info(measure, json, provenance);
  if (*command == "bench") return bench::run_bench(bench, provenance);
  if (*command == "demo") return bench::run_demo(demo, provenance);
  return check::run(of_check, check);
}

/// While no ranks run as processes, Ctrl-C ends the program at once, with threads still working.
void end_on(int signal) { ::_exit(128 + signal); }

int run_program(int argc, char** argv) try {
  check_standard_streams();
  const int code = run_command(argc, argv);
  finish_standard_output();
  return code;
} catch (const Error& error) {
  const bool usage = error.code() == ErrorCode::kInvalidArgument;
  print_note("crossdock: {}", usage ? error.message() : error.what());
  return usage ? kUsage : kFailed;
} catch (const std::exception& error) {
  print_note("crossdock: {}", error.what());
  return kFailed;
}

}  // namespace
}  // namespace crossdock::tools

int main(int argc, char** argv) {
  // A library that was built with -ffast-math and is loaded with the program flushes subnormals in all of it: inputs
  // would differ between ranks and from the line that repeats a case.
  std::fesetenv(FE_DFL_ENV);
  ::signal(SIGINT, crossdock::tools::end_on);
  ::signal(SIGTERM, crossdock::tools::end_on);
  ::signal(SIGXFSZ, SIG_IGN);  // a file beyond ulimit -f is a write that fails
  return crossdock::tools::run_program(argc, argv);
}
