#include "transport/p2p/peer_windows.hpp"

#include "transport/p2p/device_memory.hpp"

namespace crossdock::transport {

std::byte* PeerWindows::peer_window(int peer) const { return windows_[static_cast<std::size_t>(peer)]->data(); }

std::size_t PeerWindows::window_bytes(int peer) const { return windows_[static_cast<std::size_t>(peer)]->bytes(); }

}  // namespace crossdock::transport
