#include "transport/bootstrap/interface.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <memory>
#include <set>

#include "crossdock/error.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

struct InterfaceAddress {
  std::string interface;
  std::string address;
  bool loopback = false;
};

// Nothing for IPv6 addresses that mean something on one link only.
std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &ipv4.sin_addr, text.data(), text.size());
  } else if (address.sa_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (!IN6_IS_ADDR_LINKLOCAL(&ipv6.sin6_addr)) ::inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::vector<InterfaceAddress> addresses_of_machine() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) throw_system("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(first, &::freeifaddrs);
  std::vector<InterfaceAddress> found;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
      const bool up = (one->ifa_flags & IFF_UP) != 0;
      if (!up || one->ifa_addr == nullptr || one->ifa_addr->sa_family != family) continue;
      const std::string address = text_of(*one->ifa_addr);
      if (address.empty()) continue;
      found.push_back(
          {.interface = one->ifa_name, .address = address, .loopback = (one->ifa_flags & IFF_LOOPBACK) != 0});
    }
  }
  return found;
}

}  // namespace

std::string address_of_interface(const std::string& name) {
  std::set<std::string> names;
  for (const InterfaceAddress& one : addresses_of_machine()) {
    if (one.interface == name) return one.address;
    names.insert(one.interface);
  }
  throw Error(ErrorCode::kInvalidArgument, fmt::format("interface: expected one that is up and has an address ({}), "
                                                       "got \"{}\"",
                                                       fmt::join(names, ", "), name));
}

std::vector<std::string> reachable_addresses() {
  std::vector<std::string> reachable;
  for (const InterfaceAddress& one : addresses_of_machine()) {
    if (!one.loopback) reachable.push_back(one.address);
  }
  return reachable;
}

}  // namespace crossdock::transport
