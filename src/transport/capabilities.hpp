// What a transport can do: callers ask for the property they need, never for a type.
#pragma once

namespace crossdock::transport {

struct Capabilities {
  bool peer_mapped = false;       ///< peer_window() gives an address that loads and stores reach
  bool ordered = false;           ///< a signal is seen only after all earlier puts to that peer
  bool device_initiated = false;  ///< kernels can put and signal
};

}  // namespace crossdock::transport
