// The transports that the conformance suite runs over, and how their ranks run.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "transport/bootstrap/bootstrap.hpp"
#include "transport/local/connect.hpp"
#include "transport/transport.hpp"

namespace crossdock::testing {

/// What one rank does.
using RankBody = std::function<void(Bootstrap&)>;

struct TransportKind {
  std::string name;
  /// Runs the body on every rank at once; a rank that throws fails the test.
  std::function<void(int num_ranks, const RankBody&)> run;
  std::unique_ptr<transport::Transport> (*connect)(Bootstrap&, const transport::LocalOptions&);
};
inline std::ostream& operator<<(std::ostream& out, const TransportKind& kind) { return out << kind.name; }

void run_as_threads(int num_ranks, const RankBody& body);
void run_as_processes(int num_ranks, const RankBody& body);

/// Threads; forked processes; and shared files between threads of one process, where the sanitizers see all ranks.
std::vector<TransportKind> all_kinds();

/// Sleeps on signals until the condition holds. False where `at_most` passed first.
bool wait_until(transport::Transport& transport, const std::function<bool()>& condition,
                std::chrono::milliseconds at_most = std::chrono::seconds(30));

/// All ranks have come here.
void meet(Bootstrap& bootstrap);

}  // namespace crossdock::testing
