// The network interfaces of this machine.
#pragma once

#include <string>
#include <vector>

namespace crossdock::transport {

/// Its first address, IPv4 before IPv6. Throws Error(kInvalidArgument) naming the interfaces that there are.
std::string address_of_interface(const std::string& name);

/// At which other machines may reach this one: of all interfaces that are up but loopback, IPv4 before IPv6.
std::vector<std::string> reachable_addresses();

}  // namespace crossdock::transport
