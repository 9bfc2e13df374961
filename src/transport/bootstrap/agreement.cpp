#include "transport/bootstrap/agreement.hpp"

#include <fmt/format.h>

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/limits.hpp"
#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

// First byte of what is gathered.
constexpr std::byte kDone{0};
constexpr std::byte kFailed{1};

void append(std::vector<std::byte>& message, std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  message.insert(message.end(), bytes, bytes + text.size());
}

[[noreturn]] void throw_peer_failure(int rank, int peer, const std::vector<std::byte>& message) {
  const std::string text = message.empty()
                               ? std::string("sent nothing")
                               : std::string(reinterpret_cast<const char*>(message.data()) + 1, message.size() - 1);
  throw Error(ErrorCode::kRejectedByPeer, fmt::format("connect: rank {} failed: {}", peer, text),
              {.operation = "connect", .phase = "agree", .rank = rank, .peer = peer});
}

}  // namespace

std::vector<std::vector<std::byte>> agree(Bootstrap& bootstrap, const base::Deadline& deadline,
                                          const std::function<std::vector<std::byte>()>& step) {
  std::vector<std::byte> mine{kDone};
  std::exception_ptr own_failure;
  const auto fail_by = [&](const std::exception& failure, std::exception_ptr thrown) {
    own_failure = std::move(thrown);
    mine.assign(1, kFailed);
    append(mine, failure.what());
  };
  try {
    const std::vector<std::byte> result = step();
    mine.insert(mine.end(), result.begin(), result.end());
  } catch (const std::bad_alloc&) {
    bootstrap.release_spare();
    const Error failure = base::out_of_memory("connect");
    fail_by(failure, std::make_exception_ptr(failure));
  } catch (const std::exception& failure) {
    fail_by(failure, std::current_exception());
  }

  std::vector<std::vector<std::byte>> all;
  try {
    all = bootstrap.all_gather(mine, deadline.remaining());
  } catch (const Error&) {
    if (own_failure) std::rethrow_exception(own_failure);
    throw;
  }
  if (own_failure) std::rethrow_exception(own_failure);
  for (std::size_t peer = 0; peer < all.size(); ++peer) {
    if (all[peer].empty() || all[peer].front() != kDone) {
      throw_peer_failure(bootstrap.rank(), static_cast<int>(peer), all[peer]);
    }
    all[peer].erase(all[peer].begin());
  }
  return all;
}

}  // namespace crossdock::transport
