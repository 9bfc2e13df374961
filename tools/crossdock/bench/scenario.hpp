// One mode of a bench run, ready to be run: shapes, types and the routing of all ranks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/options.hpp"
#include "bench/routing.hpp"
#include "crossdock/config.hpp"
#include "crossdock/experts.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::tools::bench {

struct Scenario {
  int num_ranks = 1;
  int ranks_per_node = 1;
  int num_experts = 1;
  std::int64_t tokens = 0;
  int hidden = 0;
  Layout layout = Layout::kFlat;
  ReductionTree tree = ReductionTree::kPerRank;
  DType x_dtype = DType::kBf16;
  Quantize quantize = Quantize::kNone;
  DType combine_dtype = DType::kBf16;
  std::uint64_t seed = 1;
  int iterations = 1;
  int warmup = 0;
  bool verify = true;
  GroupConfig config = {};
  std::vector<Routing> sets = {};  ///< input sets that the iterations take in turn: 2, or 1 where memory is short

  int num_nodes() const { return num_ranks / ranks_per_node; }
  int top_k() const { return config.top_k; }
  ExpertPlacement placement() const { return {.num_experts = num_experts, .num_ranks = num_ranks}; }
  bool is_local(std::int32_t expert, int rank) const { return expert >= 0 && placement().rank_of(expert) == rank; }
  /// Beside x that is fp8 before dispatch.
  int scale_words() const { return x_dtype == DType::kFp8E4m3 ? hidden / kQuantBlock : 0; }
  std::size_t x_row_bytes() const { return static_cast<std::size_t>(hidden) * size_of(x_dtype); }
  std::size_t combine_row_bytes() const { return static_cast<std::size_t>(hidden) * size_of(combine_dtype); }
  DispatchOptions dispatch_options() const { return {.layout = layout, .tree = tree, .quantize = quantize}; }
};

/// Rows of one destination: by (local expert, source); kFlat has one expert entry. The tokens are [begin, end).
class RowCounts {
 public:
  RowCounts(const Scenario& scenario, const Routing& routing, int destination, std::int64_t begin, std::int64_t end);

  std::int64_t at(int expert, int source) const {
    return counts_[static_cast<std::size_t>(expert) * sources_ + static_cast<std::size_t>(source)];
  }
  int num_experts() const { return static_cast<int>(counts_.size() / sources_); }
  std::int64_t of_expert(int expert) const;
  std::int64_t total() const;

 private:
  void count_token(const Scenario& scenario, std::span<const std::int32_t> row, int source, int destination);

  std::size_t sources_;
  std::vector<std::int64_t> counts_;
};

/// Fills x of token `token` of `rank`: finite values of moderate size, from the numbers in the name alone.
void fill_x_row(const Scenario& scenario, int set, int rank, std::int64_t token, std::span<std::byte> row);

/// Its scales, where it has some.
void fill_scales_row(const Scenario& scenario, int set, int rank, std::int64_t token, std::span<float> row);

/// Everything but the routing. Throws Error where no group can be like that.
Scenario make_shape(const BenchOptions& options, Mode mode, std::int64_t tokens, int input_sets);
/// With `input_sets` routings.
Scenario make_scenario(const BenchOptions& options, Mode mode, std::int64_t tokens, int input_sets);
/// What --routing means where it is left open.
std::string routing_kind(const BenchOptions& options);
std::int64_t tokens_of(const BenchOptions& options, Mode mode);

}  // namespace crossdock::tools::bench
