#include "crossdock/version.hpp"

namespace crossdock {

// Defined by the build, from the version that cmake/Version.cmake has compared with the header's.
std::string_view version() { return CROSSDOCK_PROJECT_VERSION; }

}  // namespace crossdock
