// How each rank's memory gets to the others.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "transport/p2p/device_memory.hpp"

namespace crossdock::transport {

/// One rank's part: gather the offers of all ranks, then take what they offer. Keep it until all have taken.
class Handover {
 public:
  virtual ~Handover() = default;

  virtual std::vector<std::byte> offer() const = 0;
  /// All windows, by rank, the own one too. Throws Error where a rank gave up.
  virtual std::vector<std::shared_ptr<const DeviceMapping>> take(const std::vector<std::vector<std::byte>>& offers,
                                                                 const base::Deadline& deadline) = 0;
};

struct OwnWindow {
  int rank = 0;
  int device = 0;
  std::vector<int> devices = {};  ///< of this process: those whose kernels shall reach the windows
};

/// The own window is mapped and zeroed when these return. Threads of one process share mappings.
std::unique_ptr<Handover> hand_over_in_process(const OwnWindow& own, DeviceAllocation memory);
std::unique_ptr<Handover> hand_over_by_fabric(const OwnWindow& own, DeviceAllocation memory);
std::unique_ptr<Handover> hand_over_by_socket(const OwnWindow& own, DeviceAllocation memory, int num_ranks);

}  // namespace crossdock::transport
