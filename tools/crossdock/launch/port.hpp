// A TCP port for the ranks of this machine to meet at.
#pragma once

namespace crossdock::tools {

/// A port of 127.0.0.1 that nobody listens on now. Throws Error (kSystem).
int free_port();

}  // namespace crossdock::tools
