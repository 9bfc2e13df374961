// Addresses as people write them.
#pragma once

#include <string>
#include <string_view>

namespace crossdock::transport {

/// A host name, an IPv4 or an IPv6 address; brackets of the last are taken off. Throws Error (kInvalidArgument) that
/// begins with `what` where it is none of them, or where it brings a port. Pure: nobody is asked whether it exists.
std::string parse_address(std::string_view text, std::string_view what);

}  // namespace crossdock::transport
