// One window of GPU memory a rank, reached by the kernels of every rank of the node.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "crossdock/types.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::transport {

class DeviceMapping;

struct P2pOptions {
  int device = 0;                ///< CUDA device of this rank; threads of one process may share one
  std::size_t window_bytes = 0;  ///< of this rank; may differ between ranks
  bool fabric = true;            ///< false: file descriptors even where fabric handles work
  std::chrono::milliseconds deadline{30'000};
};

/// One rank's end. Destroying it waits for nobody: a peer keeps what it has mapped. Kernels that use a window have to
/// be done before.
class PeerWindows {
 public:
  PeerWindows(int rank, int device, WindowSharing sharing, std::vector<std::shared_ptr<const DeviceMapping>> windows)
      : rank_(rank), device_(device), sharing_(sharing), windows_(std::move(windows)) {}

  int rank() const { return rank_; }
  int num_ranks() const { return static_cast<int>(windows_.size()); }
  int device() const { return device_; }
  WindowSharing sharing() const { return sharing_; }
  /// Address of a rank's window (the own one too) for kernels and copies of this rank's device.
  std::byte* peer_window(int peer) const;
  std::size_t window_bytes(int peer) const;

 private:
  int rank_;
  int device_;
  WindowSharing sharing_;
  std::vector<std::shared_ptr<const DeviceMapping>> windows_;
};

/// Collective. The windows are zero. Threads of one process where bootstrap.same_process(): they share mappings. Else
/// processes: fabric handles where every rank's GPU can, else file descriptors over Unix sockets.
/// Throws Error: kInvalidArgument where two ranks' GPUs have no peer access, or ranks without fabric handles are
/// on different machines; kSystem with the driver's reason; kDeadlineExceeded or kRankLost naming the ranks.
std::unique_ptr<PeerWindows> connect_p2p(Bootstrap& bootstrap, const P2pOptions& options);

}  // namespace crossdock::transport
