#include "transport/bootstrap/start_failure.hpp"

#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "transport/bootstrap/reception.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/system/descriptor_need.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

// Few: every rank asks at one of them at a time.
constexpr std::size_t kNumPorts = 2;

std::vector<int> start_failure_ports(const std::string& identity) {
  std::vector<int> ports = ports_of(identity);
  ports.resize(kNumPorts);
  return ports;
}

void tell(const Meeting& meeting, const Failure& failure) {
  // With fewer no rank of the same limit gets as far as to ask.
  require_descriptors(descriptors_to_approach(meeting), "bootstrap", 0);
  Meeting telling{.identity = start_failure_identity(meeting)};
  for (const int port : start_failure_ports(telling.identity))
    telling.endpoints.push_back({.address = "", .port = port});
  Reception reception(listen_for(telling), telling.identity);
  const base::Deadline deadline(meeting.deadline);
  std::set<std::uint32_t> told;
  while (told.size() + 1 < static_cast<std::size_t>(meeting.num_ranks) && !deadline.expired()) {
    wait_readable(reception.sockets(), deadline);
    for (Guest& guest : reception.take_in()) {
      guest.channel.send({.type = FrameType::kFailure, .payload = encode(failure)}, base::Deadline(kTellingTime));
      told.insert(guest.hello.rank);
    }
  }
}

}  // namespace

std::string start_failure_identity(const Meeting& meeting) {
  return fmt::format("{} at {}", meeting.identity, describe(meeting.endpoints.front()));
}

std::vector<Endpoint> start_failure_endpoints(const Meeting& meeting) {
  std::vector<Endpoint> endpoints;
  const std::string& address = meeting.endpoints.front().address;
  for (const int port : start_failure_ports(start_failure_identity(meeting))) {
    endpoints.push_back({.address = "127.0.0.1", .port = port});
    if (address != "127.0.0.1") endpoints.push_back({.address = address, .port = port});
  }
  return endpoints;
}

void tell_start_failure(const Meeting& meeting, const Failure& failure) noexcept {
  try {
    tell(meeting, failure);
  } catch (const std::exception&) {
    // What rank 0 failed by is what its caller gets to know.
    return;
  }
}

}  // namespace crossdock::transport
