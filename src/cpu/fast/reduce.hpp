// Combine: the token's rank reads the peers' rows in the order of the tree and adds them in fp32.
#pragma once

#include <cstdint>
#include <span>

#include "core/routing/route.hpp"
#include "core/topology/topology.hpp"
#include "cpu/fast/workers.hpp"
#include "crossdock/tensor.hpp"
#include "crossdock/types.hpp"

namespace crossdock::cpu {

/// One rank's expert outputs, and where the rows of this source start in them.
struct PeerRows {
  const std::byte* rows = nullptr;
  std::span<const std::int64_t> first_row;  ///< by local expert; one entry in kFlat
};

struct ReduceJob {
  const core::Route* route = nullptr;
  core::Topology topology = {};
  Layout layout = Layout::kFlat;
  ReductionTree tree = ReductionTree::kPerRank;
  DType row_dtype = DType::kBf16;
  DType wire_dtype = DType::kBf16;
  int hidden = 0;
  const float* weights = nullptr;  ///< [T, K], or none
  ConstTensorView bias0 = {};
  ConstTensorView bias1 = {};
  std::span<const PeerRows> peers = {};  ///< [R]
  TensorView y = {};                     ///< [T, H] dense
};

void reduce_rows(const ReduceJob& job, Workers& workers);

/// kFlat: each (t, k) of out [T, K] from the one rank that holds it, 0 where none does. peer_weights[rank] is that
/// rank's [n, K]; first rows as in peers.
void collect_weights(const core::Route& route, std::span<const PeerRows> peers,
                     std::span<const float* const> peer_weights, float* out);

}  // namespace crossdock::cpu
