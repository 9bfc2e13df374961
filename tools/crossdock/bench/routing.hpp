// Which experts every token of every rank chooses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crossdock::tools::bench {

/// topk_idx and topk_weights of all ranks.
struct Routing {
  int num_ranks = 0;
  std::int64_t tokens = 0;
  int top_k = 0;
  std::vector<std::int32_t> experts = {};  ///< [R, T, K]; -1 = none
  std::vector<float> weights = {};         ///< [R, T, K]

  /// First entry of a token.
  std::size_t at(int rank, std::int64_t token) const {
    return static_cast<std::size_t>((rank * tokens + token) * top_k);
  }
};

struct RoutingOptions {
  std::string kind;  ///< uniform, zipf:A, khot:K, gate or FILE.npy
  int num_ranks = 1;
  std::int64_t tokens = 0;
  int top_k = 1;
  int num_experts = 1;
  int groups = 1;
  int topk_groups = 1;
  std::uint64_t seed = 1;
};

/// A token's choice depends on the seed, its rank and its number alone, so fewer tokens give a prefix.
///   uniform   distinct experts, each as likely
///   zipf:A    distinct experts; the i-th of a random order is chosen with weight 1 / i^A
///   khot:K    only K experts (the first of a random order), in turn; repeated where K < top_k
///   gate      crossdock::gate over random logits, limited to topk_groups of groups
///   FILE.npy  as stored; weights are random
/// Throws Error where the kind is unknown or does not fit the rest.
Routing make_routing(const RoutingOptions& options);

/// Tokens and top-k of a FILE.npy. Throws Error where its ranks are not num_ranks.
struct FileShape {
  std::int64_t tokens = 0;
  int top_k = 0;
};
bool is_routing_file(const std::string& kind);
FileShape routing_file_shape(const std::string& path, int num_ranks);

}  // namespace crossdock::tools::bench
