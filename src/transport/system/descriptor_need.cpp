#include "transport/system/descriptor_need.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "base/limits.hpp"
#include "crossdock/error.hpp"
#include "transport/system/file_descriptor.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

std::string remedy(int error_number, std::size_t missing) {
  rlimit limit{};
  if (error_number != EMFILE || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return base::limit_behind(error_number);
  return fmt::format("; RLIMIT_NOFILE is {}, at least {} is needed (ulimit -n)", limit.rlim_cur,
                     limit.rlim_cur + missing);
}

}  // namespace

// Tried, not counted: /proc/self/fd cannot be read where nothing is free, and limits may be those of the whole system.
void require_descriptors(int count, const std::string& step, int rank) {
  const auto wanted = static_cast<std::size_t>(count);
  std::vector<FileDescriptor> tried;
  while (tried.size() < wanted) {
    FileDescriptor one(tried.empty() ? ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)
                                     : ::fcntl(tried.front().number(), F_DUPFD_CLOEXEC, 0));
    if (!one) {
      const int reason = errno;
      throw Error(ErrorCode::kSystem,
                  fmt::format("{}, rank {}: expected {} free file descriptors, got {}: {}{}", step, rank, wanted,
                              tried.size(), error_text(reason), remedy(reason, wanted - tried.size())),
                  {.operation = step,
                   .phase = "limits",
                   .rank = rank,
                   .peer = rank,
                   .expected = count,
                   .observed = static_cast<std::int64_t>(tried.size())});
    }
    tried.push_back(std::move(one));
  }
}

void require_file_size(std::size_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || bytes <= limit.rlim_cur) return;
  throw_system("ftruncate", fmt::format("{} bytes for a window", bytes), EFBIG);
}

}  // namespace crossdock::transport
