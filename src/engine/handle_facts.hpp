// What every backend's handles tell.
#pragma once

#include <cstdint>
#include <optional>

#include "crossdock/types.hpp"

namespace crossdock::engine {

struct HandleFacts {
  std::uint64_t group = 0;
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;  ///< of the dispatch: ranks compare it
  Layout layout = Layout::kFlat;
  ReductionTree tree = ReductionTree::kPerRank;
  int expert_alignment = 1;
  DType idx_dtype = DType::kInt32;
  std::optional<std::int64_t> capacity;  ///< max_recv_rows

  HandleFacts() = default;
  HandleFacts(const HandleFacts&) = default;
  HandleFacts& operator=(const HandleFacts&) = default;
  virtual ~HandleFacts() = default;

  virtual std::int64_t num_tokens() const = 0;
  virtual std::int64_t num_rows() const = 0;
  virtual int top_k() const = 0;
};

}  // namespace crossdock::engine
