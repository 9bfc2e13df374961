#include "transport/bootstrap/introduction.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "crossdock/error.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/system/file_descriptor.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

template <std::size_t kSize>
void set_text(std::array<char, kSize>& target, std::string_view text) {
  std::ranges::copy(text.substr(0, kSize - 1), target.begin());
}

std::string host_name() {
  std::array<char, 128> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) throw_system("gethostname");
  return name.data();
}

// Host names repeat, boot ids do not. Abstract sockets are seen inside one network namespace only.
std::string machine_name() {
  constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";
  const FileDescriptor file(::open(kBootId, O_RDONLY | O_CLOEXEC));
  if (!file) throw_system("open", kBootId);
  std::array<char, 64> boot_id{};
  const ssize_t size = ::read(file.number(), boot_id.data(), boot_id.size());
  if (size <= 1) throw_system("read", kBootId);
  constexpr const char* kNetwork = "/proc/self/ns/net";
  std::array<char, 48> network{};
  // A process with capabilities of its file may not look at itself: no rank started like that has the name.
  if (::readlink(kNetwork, network.data(), network.size() - 1) < 0 && errno != EACCES)
    throw_system("readlink", kNetwork);
  const std::string_view line(boot_id.data(), static_cast<std::size_t>(size) - 1);  // without its end
  return fmt::format("{} {}", line, network.data());
}

bool ends_with_zero(std::span<const char> text) { return text.back() == '\0'; }

}  // namespace

std::string_view text_of(std::span<const char> text) { return text.data(); }

Introduction introduce(const std::string& socket_name, const MemoryOffer& offer) {
  Introduction mine{.uid = ::geteuid(), .pid = ::getpid(), .offer = offer};
  if (::getrandom(&mine.token, sizeof(mine.token), 0) != sizeof(mine.token)) throw_system("getrandom");
  set_text(mine.machine, machine_name());
  set_text(mine.host, host_name());
  set_text(mine.socket_name, socket_name);
  return mine;
}

Introduction parse_introduction(std::span<const std::byte> bytes, int rank) {
  const auto introduction = struct_of<Introduction>(bytes, fmt::format("introduction of rank {}", rank));
  if (introduction.magic != Introduction::kMagic || introduction.version != Introduction::kVersion ||
      !ends_with_zero(introduction.machine) || !ends_with_zero(introduction.host) ||
      !ends_with_zero(introduction.socket_name)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("introduction of rank {}: expected version {} of this library, got version {}", rank,
                            Introduction::kVersion, introduction.version));
  }
  return introduction;
}

void check_neighbours(const std::vector<Introduction>& introductions) {
  const Introduction& first = introductions.front();
  for (std::size_t rank = 1; rank < introductions.size(); ++rank) {
    const Introduction& other = introductions[rank];
    if (text_of(other.machine) != text_of(first.machine)) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("connect: expected all ranks on one machine and in one network namespace, got rank 0 on {} "
                      "({}) and rank {} on {} ({})",
                      text_of(first.host), text_of(first.machine), rank, text_of(other.host), text_of(other.machine)));
    }
    if (other.uid != first.uid) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("connect: expected all ranks to run as one user, got user {} on rank 0 and user {} on "
                              "rank {}",
                              first.uid, other.uid, rank));
    }
  }
}

}  // namespace crossdock::transport
