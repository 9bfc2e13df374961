// The job in throughput mode: flat, per_rank tree.
#pragma once

#include <memory>
#include <vector>

#include "crossdock/crossdock.hpp"
#include "harness/job.hpp"
#include "harness/session.hpp"

namespace crossdock::peers {

/// Collective. Operations: dispatch, combine.window (rows in the window), combine.elsewhere (rows in other memory),
/// fp8.inside (quantised by dispatch), fp8.ready (x quantised before).
class ThroughputJob {
 public:
  ThroughputJob(const World& world, const Job& job);
  ThroughputJob(const ThroughputJob&) = delete;
  ThroughputJob& operator=(const ThroughputJob&) = delete;
  ~ThroughputJob();

  std::vector<Operation> operations();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crossdock::peers
