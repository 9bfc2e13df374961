// What a record of results has to say about where it comes from.
#pragma once

#include <string>

namespace crossdock::tools {

struct Provenance {
  std::string version;  ///< of the library
  std::string commit;   ///< of the sources, when the build was configured; "unknown" outside of a repository
  std::string date;     ///< now, UTC: 2026-01-31T12:00:00Z
  std::string host;
  std::string command;  ///< the words of the command line, quoted for a shell where they need it
};

Provenance provenance_of(int argc, const char* const* argv);

/// "0.1.0 (commit 0123456789ab)"
std::string version_text();

}  // namespace crossdock::tools
