// Windows between processes of one machine: a file descriptor a window, over Unix sockets.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "crossdock/error.hpp"
#include "transport/bootstrap/introduction.hpp"
#include "transport/bootstrap/unix_socket.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/p2p/devices.hpp"
#include "transport/p2p/handover.hpp"
#include "transport/system/descriptor_need.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

// Travels with the memory's file, from its owner to whoever connected.
struct Hello {
  std::uint64_t token = 0;  ///< the listener's
  std::int64_t rank = -1;   ///< the sender's
};

/// The own memory, a listening socket, a connection a rank, one that is answered and the memory that it brings.
int descriptors_to_hand_over(int num_ranks) { return num_ranks + 4; }

/// Every rank connects to every other one and is sent that one's memory: no order, so nobody waits in a circle.
class BySocket : public Handover {
 public:
  BySocket(const OwnWindow& own, const DeviceAllocation& memory, int num_ranks)
      : own_(own), num_ranks_(num_ranks), mapping_(std::make_shared<const DeviceMapping>(memory, own.devices)) {
    require_descriptors(descriptors_to_hand_over(num_ranks), "connect", own.rank);
    file_ = memory.export_file();
    clear_memory(mapping_->data(), mapping_->bytes(), own.device);
    const std::string name = unguessable_socket_name();
    listener_ = listen_on(name);
    introduction_ = introduce(name, {.window_bytes = memory.bytes()});
  }

  std::vector<std::byte> offer() const override { return bytes_of(introduction_); }

  std::vector<std::shared_ptr<const DeviceMapping>> take(const std::vector<std::vector<std::byte>>& offers,
                                                         const base::Deadline& deadline) override {
    std::vector<Introduction> peers;
    for (const auto& bytes : offers) peers.push_back(parse_introduction(bytes, static_cast<int>(peers.size())));
    check_neighbours(peers);
    std::vector<FileDescriptor> sockets(peers.size());
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
      if (static_cast<int>(peer) != own_.rank) sockets[peer] = call(peers[peer], static_cast<int>(peer), deadline);
    }
    for (int missing = num_ranks_ - 1; missing > 0;) missing -= answer(deadline) ? 1 : 0;

    std::vector<std::shared_ptr<const DeviceMapping>> windows;
    for (std::size_t peer = 0; peer < peers.size(); ++peer) {
      const bool is_own = static_cast<int>(peer) == own_.rank;
      windows.push_back(is_own ? mapping_ : receive(sockets[peer], peers[peer], static_cast<int>(peer), deadline));
    }
    return windows;
  }

 private:
  FileDescriptor call(const Introduction& peer, int rank, const base::Deadline& deadline) const {
    FileDescriptor socket = connect_to(std::string(text_of(peer.socket_name)), deadline);
    if (!socket) throw_lost(peer, rank);
    return socket;
  }

  /// False where a stranger called: another user's process gets nothing.
  bool answer(const base::Deadline& deadline) const {
    const FileDescriptor socket = accept_from(listener_, deadline);
    if (!socket) {
      throw Error(ErrorCode::kDeadlineExceeded, fmt::format("connect: rank {} was not asked by all peers", own_.rank),
                  {.operation = "connect", .phase = "windows", .rank = own_.rank});
    }
    if (peer_credentials(socket).uid != introduction_.uid) return false;
    return send_with_file(socket, bytes_of(Hello{.token = introduction_.token, .rank = own_.rank}), file_);
  }

  std::shared_ptr<const DeviceMapping> receive(const FileDescriptor& socket, const Introduction& peer, int rank,
                                               const base::Deadline& deadline) const {
    const Received received = receive_with_file(socket, sizeof(Hello), deadline);
    if (received.bytes.size() != sizeof(Hello) || !received.file) throw_lost(peer, rank);
    const auto hello = struct_of<Hello>(received.bytes, "window hello");
    if (hello.token != peer.token || hello.rank != rank) throw_lost(peer, rank);
    const DeviceAllocation memory = DeviceAllocation::import(received.file, peer.offer.window_bytes);
    return std::make_shared<const DeviceMapping>(memory, std::vector<int>{own_.device});
  }

  [[noreturn]] void throw_lost(const Introduction& peer, int rank) const {
    throw Error(ErrorCode::kRankLost,
                fmt::format("connect: rank {} (process {} on {}) hung up", rank, peer.pid, text_of(peer.host)),
                {.operation = "connect", .phase = "windows", .rank = own_.rank, .peer = rank});
  }

  OwnWindow own_;
  int num_ranks_;
  std::shared_ptr<const DeviceMapping> mapping_;
  FileDescriptor file_;
  FileDescriptor listener_;
  Introduction introduction_;
};

}  // namespace

std::unique_ptr<Handover> hand_over_by_socket(const OwnWindow& own, DeviceAllocation memory, int num_ranks) {
  return std::make_unique<BySocket>(own, memory, num_ranks);
}

}  // namespace crossdock::transport
