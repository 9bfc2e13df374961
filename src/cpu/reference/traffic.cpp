#include "cpu/reference/traffic.hpp"

#include <set>

namespace crossdock::reference {

Traffic traffic_of(const Job& job, int rank, std::int64_t row_bytes, bool per_selection) {
  Traffic traffic;
  const int own_node = job.topology.node_of(rank);
  for (std::int64_t token = 0; token < job.num_tokens(rank); ++token) {
    std::multiset<int> selected;  // the rank of each selection
    for (int k = 0; k < job.top_k(); ++k) {
      const int peer = job.rank_of(rank, token, k);
      if (peer >= 0 && (per_selection || !selected.contains(peer))) selected.insert(peer);
    }
    std::set<int> other_nodes;
    for (const int peer : selected) {
      traffic.logical_bytes += row_bytes;
      if (peer != rank) traffic.peer_bytes += row_bytes;
      if (job.topology.node_of(peer) != own_node) other_nodes.insert(job.topology.node_of(peer));
    }
    traffic.node_bytes += row_bytes * static_cast<std::int64_t>(other_nodes.size());
  }
  return traffic;
}

}  // namespace crossdock::reference
