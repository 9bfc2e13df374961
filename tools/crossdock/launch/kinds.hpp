// The ways to run ranks behind launch().
#pragma once

#include "launch/launch.hpp"

namespace crossdock::tools {

LaunchResult launch_processes(const LaunchOptions& options, const RankBody& body);
LaunchResult launch_threads(const LaunchOptions& options, const RankBody& body);
LaunchResult run_launched(const LaunchOptions& options, const RankBody& body);

/// Adds a failure and reports it.
void note_failure(const LaunchOptions& options, LaunchResult& result, int rank, std::string message);

}  // namespace crossdock::tools
