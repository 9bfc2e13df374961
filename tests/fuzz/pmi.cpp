// The lines of mpiexec: refused, or words that come back in a request of the same words.
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "crossdock/error.hpp"
#include "input.hpp"
#include "transport/launcher/pmi_wire.hpp"

namespace {

using namespace crossdock::transport;
using crossdock::Error;

void check(std::string_view line) {
  try {
    const PmiAnswer answer = parse_pmi_answer(line);
    CROSSDOCK_ASSERT(!answer.command.empty());
    for (const auto& [name, value] : answer.words) {
      CROSSDOCK_ASSERT(!name.empty() && answer.word(name) == value);
      const std::string request = pmi_request(answer.command, {{name, value}});
      CROSSDOCK_ASSERT(request.back() == '\n');
      const PmiAnswer again = parse_pmi_answer(std::string_view(request).substr(0, request.size() - 1));
      CROSSDOCK_ASSERT(again.command == answer.command && again.words.size() == 1 && again.word(name) == value);
      (void)answer.integer(name, 0, 1'000);
    }
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({reinterpret_cast<const char*>(data), size});
  return 0;
}
