// The bootstrap of ranks that are processes, on one machine or on many.
#pragma once

#include <memory>

#include "crossdock/world.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::transport {

/// Rank 0 listens, the others connect and stay connected; every exchange is a star over rank 0. Throws Error
/// (kInvalidArgument, kSystem with address and port, kDeadlineExceeded naming the ranks that did not appear,
/// kRankLost, kOptionsMismatch where two processes claim one rank or disagree on the number of ranks).
std::shared_ptr<Bootstrap> connect_tcp(const TcpWorldOptions& options);

}  // namespace crossdock::transport
