#include "transport/system/system_error.hpp"

#include <fmt/format.h>

#include <system_error>

#include "base/limits.hpp"
#include "crossdock/error.hpp"

namespace crossdock::transport {

std::string error_text(int error_number) { return std::generic_category().message(error_number); }

void throw_system(std::string_view call, const std::string& context, int error_number) {
  throw Error(ErrorCode::kSystem, fmt::format("{}: {}{}{}{}", call, context, context.empty() ? "" : ": ",
                                              error_text(error_number), base::limit_behind(error_number)));
}

}  // namespace crossdock::transport
