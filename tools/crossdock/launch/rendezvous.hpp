// Where the ranks of a job wait for one another outside of a group: to start a measurement together.
#pragma once

namespace crossdock::tools {

class Rendezvous {
 public:
  virtual ~Rendezvous() = default;

  /// Returns when all ranks are here. Throws Error where one of them will not come any more.
  virtual void wait() = 0;
  /// Tells whoever watches that work goes on; wait() does so too.
  virtual void note_progress() = 0;
};

}  // namespace crossdock::tools
