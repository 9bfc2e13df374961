#include "base/process_mark.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include "crossdock/error.hpp"

namespace crossdock::base {
namespace detail {

std::atomic<std::uint32_t> process_generation{0};

}  // namespace detail

namespace {

void count_fork() { detail::process_generation.fetch_add(1, std::memory_order_relaxed); }

// Where it fails no memory was left when the program was loaded.
[[maybe_unused]] const int registered = ::pthread_atfork(nullptr, nullptr, count_fork);

}  // namespace

void throw_inherited(const char* what) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected the process that made it, got process {}, a forked child that has a copy", what,
                          ::getpid()));
}

}  // namespace crossdock::base
