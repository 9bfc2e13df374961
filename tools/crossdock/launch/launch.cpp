#include "launch/launch.hpp"

#include <utility>

#include "launch/kinds.hpp"

namespace crossdock::tools {

int LaunchResult::exit_code() const {
  if (signal != 0) return 128 + signal;
  return failures.empty() ? 0 : 1;
}

void note_failure(const LaunchOptions& options, LaunchResult& result, int rank, std::string message) {
  if (options.report) options.report(message);
  result.failures.push_back({.rank = rank, .message = std::move(message)});
}

LaunchResult launch(const LaunchOptions& options, const RankBody& body) {
  if (options.launched != nullptr) return run_launched(options, body);
  return options.threads ? launch_threads(options, body) : launch_processes(options, body);
}

}  // namespace crossdock::tools
