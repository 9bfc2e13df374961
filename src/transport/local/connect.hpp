// Transports inside one machine.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "transport/bootstrap/bootstrap.hpp"
#include "transport/transport.hpp"

namespace crossdock::transport {

struct LocalOptions {
  std::size_t window_bytes = 0;  ///< of this rank; may differ between ranks
  int num_signals = 0;           ///< words a source rank keeps at each peer
  std::chrono::milliseconds deadline{30'000};
};

/// What the signal words of one rank take, beside its window; whole pages.
std::size_t signal_bytes(int num_ranks, int num_signals);

/// Collective. Threads of one process where bootstrap.same_process(), else processes over shared memory.
/// Throws Error (kSystem with the call and errno's text; kInvalidArgument where ranks are on different machines;
/// kDeadlineExceeded or kRankLost naming the ranks).
std::unique_ptr<Transport> connect_local(Bootstrap& bootstrap, const LocalOptions& options);

/// What a rank makes of its transport. Ranks agree on it as on the rest: where it throws on one, all fail.
using MakeOf = std::function<void(std::unique_ptr<Transport>)>;
void connect_local(Bootstrap& bootstrap, const LocalOptions& options, const MakeOf& make);

/// The two behind it.
void connect_threads(Bootstrap& bootstrap, const LocalOptions& options, const MakeOf& make);
void connect_processes(Bootstrap& bootstrap, const LocalOptions& options, const MakeOf& make);

/// For the conformance suite.
std::unique_ptr<Transport> connect_threads(Bootstrap& bootstrap, const LocalOptions& options);
std::unique_ptr<Transport> connect_processes(Bootstrap& bootstrap, const LocalOptions& options);

}  // namespace crossdock::transport
