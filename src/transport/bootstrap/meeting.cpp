#include "transport/bootstrap/meeting.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>

#include "crossdock/error.hpp"
#include "transport/bootstrap/interface.hpp"
#include "transport/system/descriptor_need.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

constexpr int kNumPorts = 8;
constexpr int kFirstPort = 20'000;
constexpr std::uint64_t kPortRange = 10'000;

// FNV-1a: every build and every version has to find the same ports.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3;
  return hash;
}

[[noreturn]] void throw_cannot_listen(const Meeting& meeting, const Endpoint& endpoint, int error_number) {
  std::string remedy;
  if (error_number == EADDRINUSE) remedy = meeting.port_remedy;
  if (error_number == EADDRNOTAVAIL) remedy = meeting.address_remedy;
  throw Error(ErrorCode::kSystem, fmt::format("bind: {}: {}{}{}", describe(endpoint), error_text(error_number),
                                              remedy.empty() ? "" : ": ", remedy));
}

}  // namespace

// Its socket, one a rank and one for a stranger.
FileDescriptor listen_for(const Meeting& meeting) {
  require_descriptors(1 + meeting.num_ranks, "bootstrap", meeting.rank);
  const std::string own_address = meeting.interface.empty() ? "" : address_of_interface(meeting.interface);
  for (const Endpoint& endpoint : meeting.endpoints) {
    const Endpoint own{.address = own_address.empty() ? endpoint.address : own_address, .port = endpoint.port};
    if (FileDescriptor socket = try_listen_at(own)) return socket;
    const int error_number = errno;
    const bool last = &endpoint == &meeting.endpoints.back();
    if (error_number != EADDRINUSE || last) throw_cannot_listen(meeting, own, error_number);
  }
  throw Error(ErrorCode::kInvalidArgument, "bootstrap: expected a place to meet, got none");
}

// Two jobs whose first ports are the same have other second ones.
std::vector<int> ports_of(const std::string& identity) {
  const std::uint64_t hash = hash_of(identity);
  const std::uint64_t first = hash % kPortRange;
  const std::uint64_t step = 1 + (hash / kPortRange) % (kPortRange / kNumPorts - 1);
  std::vector<int> ports;
  for (std::uint64_t i = 0; i < kNumPorts; ++i) {
    ports.push_back(kFirstPort + static_cast<int>((first + i * step) % kPortRange));
  }
  return ports;
}

}  // namespace crossdock::transport
