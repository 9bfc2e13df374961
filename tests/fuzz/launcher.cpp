// Texts of the environment: a list of hosts or an address is refused, or what was read from it is read alike again.
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "crossdock/error.hpp"
#include "transport/launcher/address.hpp"
#include "transport/launcher/host_list.hpp"

namespace {

using namespace crossdock::transport;
using crossdock::Error;

void check_host_list(const std::string& text) {
  HostList list;
  try {
    list = parse_host_list(text, "text");
  } catch (const Error&) {
    return;
  }
  CROSSDOCK_ASSERT(list.num_hosts > 0 && !list.first.empty());
  const HostList first = parse_host_list(list.first, "first");
  CROSSDOCK_ASSERT(first.first == list.first && first.num_hosts == 1);
  if (list.num_hosts == std::numeric_limits<std::int32_t>::max()) return;
  const HostList more = parse_host_list("a," + text, "more");
  CROSSDOCK_ASSERT(more.first == "a" && more.num_hosts == list.num_hosts + 1);
}

void check_address(const std::string& text) {
  try {
    const std::string address = parse_address(text, "text");
    CROSSDOCK_ASSERT(!address.empty() && address.find_first_of("[] ") == std::string::npos);
    CROSSDOCK_ASSERT(parse_address(address, "again") == address);
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(std::string_view(error.message()).starts_with("text: "));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_host_list(text);
  check_address(text);
  return 0;
}
