// The bootstrap of ranks that are processes, on one machine or on many.
#pragma once

#include <memory>

#include "crossdock/world.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#include "transport/bootstrap/meeting.hpp"

namespace crossdock::transport {

/// Rank 0 listens, the others connect and stay connected; every exchange is a star over rank 0. Throws Error
/// (kInvalidArgument, kSystem with address and port, kDeadlineExceeded naming the ranks that did not appear,
/// kRankLost, kOptionsMismatch where two processes claim one rank or disagree on the number of ranks or the version of
/// this library). Ranks of another job, by its identity, are turned away, and the job goes on waiting for its own.
/// Where rank 0 cannot listen all fail with its reason: it tells the others, until all have heard or the deadline.
std::shared_ptr<Bootstrap> meet(const Meeting& meeting);

/// The same at one address and port.
std::shared_ptr<Bootstrap> connect_tcp(const TcpWorldOptions& options);

/// Throws Error(kInvalidArgument) for what cannot be met by.
void check(const Meeting& meeting);

}  // namespace crossdock::transport
