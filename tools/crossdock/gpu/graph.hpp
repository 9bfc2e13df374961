// Work of a stream, recorded once and replayed.
#pragma once

#include <functional>

#include "gpu/device.hpp"

namespace crossdock::tools::gpu {

class Graph {
 public:
  /// Records what `work` puts on the device's stream, and runs nothing of it. Takes memory of the GPU: no rank may be
  /// waiting in a kernel meanwhile.
  Graph(Device& device, const std::function<void()>& work);
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  ~Graph();

  void launch() const;

 private:
  Device& device_;
  void* executable_ = nullptr;  ///< cudaGraphExec_t
};

}  // namespace crossdock::tools::gpu
