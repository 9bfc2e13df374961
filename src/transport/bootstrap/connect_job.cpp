#include "transport/bootstrap/connect_job.hpp"

#include <fmt/format.h>

#include "crossdock/error.hpp"
#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/interface.hpp"
#include "transport/bootstrap/meet_by_pmi.hpp"
#include "transport/bootstrap/tcp.hpp"
#include "transport/launcher/address.hpp"

namespace crossdock::transport {
namespace {

constexpr const char* kLoopback = "127.0.0.1";

std::string find_address(const Job& job, const WorldOptions& options) {
  if (!options.address.empty()) return parse_address(options.address, "WorldOptions::address");
  if (job.address) return *job.address;
  if (!job.one_machine) {
    throw Error(ErrorCode::kInvalidArgument, "environment variable MASTER_ADDR: not set, but " + job.address_needed);
  }
  if (options.interface.empty()) return kLoopback;
  try {
    return address_of_interface(options.interface);
  } catch (const Error&) {
    if (job.rank != 0) throw;
    return kLoopback;  // rank 0 fails when it listens: there it can tell the others
  }
}

/// What the launcher and the options say, but not yet where.
Meeting meeting_of(const Job& job, const WorldOptions& options) {
  Meeting meeting{.rank = job.rank,
                  .num_ranks = job.num_ranks,
                  .identity = options.identity.empty() ? job.identity : options.identity,
                  .interface = options.interface,
                  .deadline = options.deadline};
  meeting.port_remedy = options.port ? "another program holds it: choose another WorldOptions::port"
                                     : "another program holds it: choose another MASTER_PORT or unset it";
  meeting.address_remedy = options.address.empty()
                               ? "rank 0's machine has no such address: set MASTER_ADDR to one of its own or unset it"
                               : "rank 0's machine has no such address: choose another WorldOptions::address";
  return meeting;
}

}  // namespace

std::shared_ptr<Bootstrap> connect_job(const Job& job, const WorldOptions& options) {
  Meeting meeting = meeting_of(job, options);
  check(meeting);
  if (job.num_ranks == 1) return make_in_process(1).front();
  const auto port = options.port ? options.port : job.port;
  if (job.pmi_fd) {
    const bool anywhere = options.address.empty() && !job.address && !job.one_machine;
    meeting.endpoints = {{.address = anywhere ? "" : find_address(job, options), .port = port.value_or(0)}};
    return meet_by_pmi(meeting, *job.pmi_fd);
  }
  const std::string address = find_address(job, options);
  for (const int one : port ? std::vector<int>{*port} : ports_of(meeting.identity)) {
    meeting.endpoints.push_back({.address = address, .port = one});
  }
  return meet(meeting);
}

}  // namespace crossdock::transport
