// The two ends of the TCP star: rank 0, and everybody else.
#pragma once

#include <chrono>
#include <memory>

#include "base/clock.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#include "transport/bootstrap/frame.hpp"
#include "transport/bootstrap/meeting.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// Waits at `listener` until all ranks have said hello.
std::shared_ptr<Bootstrap> make_star_root(const Meeting& meeting, FileDescriptor listener);
/// Looks for rank 0 and waits until it says that all have.
std::shared_ptr<Bootstrap> make_star_leaf(const Meeting& meeting);

/// Rank 0 knows who is missing, so the others give it this much longer than the deadline to say so.
inline constexpr std::chrono::milliseconds kVerdictTime{1'000};

/// A failure is told to a peer within this time; one that does not read must not hold up the rest.
inline constexpr std::chrono::milliseconds kTellingTime{200};

/// For a frame: what is left, as 32 bits; kNoDeadline where it is more than they hold.
inline constexpr std::uint32_t kNoDeadline = 0xFFFF'FFFF;
std::uint32_t remaining_ms(const base::Deadline& deadline);

/// The Error that all ranks throw for a failure.
Error error_of(const Failure& failure, const char* phase, int rank);

}  // namespace crossdock::transport
