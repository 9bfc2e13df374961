// Where and as whom the ranks of one job meet over TCP.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "transport/bootstrap/tcp_socket.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

struct Meeting {
  int rank = 0;
  int num_ranks = 1;
  std::string identity = {};             ///< of the job
  std::vector<Endpoint> endpoints = {};  ///< rank 0 listens at the first that is free; the others try all in turn
  std::string interface = {};            ///< rank 0 listens on this interface's address instead; empty: it does not
  std::chrono::milliseconds deadline{30'000};
  std::string port_remedy = {};     ///< for messages: what to do where the port is taken
  std::string address_remedy = {};  ///< where the address is not one of rank 0's machine
};

/// Rank 0's listening socket. Throws Error (kSystem naming endpoint and remedy, kInvalidArgument for the interface).
FileDescriptor listen_for(const Meeting& meeting);

/// Files that a rank other than 0 opens at once: a connection to each endpoint, one to where rank 0 tells why it did
/// not start, and one to look a name up.
inline int descriptors_to_approach(const Meeting& meeting) { return static_cast<int>(meeting.endpoints.size()) + 2; }

/// Ports that follow from an identity: the same on all ranks of a job, mostly others for other jobs. Below the ports
/// that systems give to outgoing connections, and below those that Kubernetes gives to services.
std::vector<int> ports_of(const std::string& identity);

}  // namespace crossdock::transport
