// Files and sockets that a step of start-up will take.
#pragma once

#include <cstddef>
#include <string>

namespace crossdock::transport {

/// Throws Error(kSystem) that names the limit where this process cannot open `count` more: a peer that is told so at
/// once need not wait for the deadline.
void require_descriptors(int count, const std::string& step, int rank);

/// Throws Error(kSystem) where RLIMIT_FSIZE forbids a file of that size: the system would end the process by SIGXFSZ.
void require_file_size(std::size_t bytes);

}  // namespace crossdock::transport
