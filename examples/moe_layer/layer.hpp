// One rank's part of a mixture-of-experts layer: its experts, and the group that brings tokens to them and back.
#pragma once

#include <crossdock/group.hpp>
#include <vector>

#include "config.hpp"
#include "expert.hpp"
#include "router.hpp"

namespace moe_layer {

/// Milliseconds.
struct Times {
  double gate = 0;
  double dispatch = 0;
  double experts = 0;
  double combine = 0;

  double total() const { return gate + dispatch + experts + combine; }
};

class MoeLayer {
 public:
  /// Collective. No rank brings more than max_tokens, which is the same on all of them.
  MoeLayer(const crossdock::World& world, const LayerConfig& config, int max_tokens);

  /// Collective. One row of y a row of x, which may be none.
  Times forward(ConstRows x, Rows y, Precision precision);

  /// The same sums, in two micro-batches: while the experts work on one of them the other one travels.
  void forward_overlapped(ConstRows x, Rows y, Precision precision);

  /// Where the first micro-batch ends, in floats.
  std::size_t half(ConstRows x) const;

 private:
  crossdock::Group::Allocation run_experts(const crossdock::DispatchResult& rows);

  LayerConfig config_;
  crossdock::Group group_;
  Router router_;
  std::vector<Expert> experts_;  ///< those of this rank
};

}  // namespace moe_layer
