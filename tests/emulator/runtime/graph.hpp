// Captured operations, to be launched as often as wanted.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "runtime/capture.hpp"
#include "runtime/completion.hpp"
#include "runtime/stream.hpp"

namespace crossdock::emulator {

struct Graph {
  std::vector<Node> nodes;
};

/// One made ready to run. Its launches follow one another, on whatever streams.
class Executable {
 public:
  explicit Executable(const Graph& graph) : nodes_(graph.nodes) {}

  void launch(Stream& stream);

 private:
  std::vector<Node> nodes_;
  std::mutex mutex_;
  std::shared_ptr<Completion> last_launch_;
};

}  // namespace crossdock::emulator
