// Waiting for a file with a deadline.
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// False where the deadline came first. A hang-up counts as readable.
bool wait_readable(const FileDescriptor& file, const base::Deadline& deadline);
/// Until one of them is readable, or the deadline comes, or a signal.
void wait_readable(const std::vector<int>& files, const base::Deadline& deadline);
/// False where the deadline came first. An error counts as writable.
bool wait_writable(const FileDescriptor& file, const base::Deadline& deadline);

/// Milliseconds for poll(2): what is left, and never "for ever".
int poll_timeout(const base::Deadline& deadline);

}  // namespace crossdock::transport
