// Time on a GPU's stream.
#pragma once

#include <cstddef>
#include <vector>

#include "gpu/device.hpp"

namespace crossdock::tools::gpu {

/// Moments of the device's stream.
class Marks {
 public:
  Marks(Device& device, std::size_t count);
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;
  ~Marks();

  /// In a graph that is being captured too: then every replay sets the mark anew.
  void set(std::size_t index);
  /// Both marks have been passed.
  double us_between(std::size_t from, std::size_t to) const;

 private:
  Device& device_;
  std::vector<void*> events_;  ///< cudaEvent_t
};

/// Makes the device's stream stand still, so that what is queued behind it starts without waiting for the host.
class Pause {
 public:
  /// Before any rank may wait in a kernel.
  explicit Pause(Device& device);

  /// Ends by itself.
  void start(int microseconds);

 private:
  Device& device_;
};

}  // namespace crossdock::tools::gpu
