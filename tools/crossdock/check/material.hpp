// A case with its data: every rank's inputs, and what the reference says comes out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "check/plan.hpp"
#include "crossdock/error.hpp"
#include "crossdock/operations.hpp"
#include "crossdock/reference.hpp"

namespace crossdock::tools::check {

/// x of one dispatch on one rank.
struct Rows {
  reference::Tensor x, scales;

  /// Views of x and scales alone.
  DispatchInput input() const;
};

/// One rank's side of an operation. A masked rank's is unused.
struct Part {
  Rows rows, again;
  reference::Tensor topk_idx, topk_weights;
  std::optional<std::int64_t> max_recv_rows;
  std::int64_t out_x_rows = -1;  ///< first dimension of out_x; -1 = window memory
  std::int64_t out_again_rows = -1;
  // combine; made from what the dispatch returns
  reference::Tensor combine_x, combine_weights, recv_weights, bias0, bias1;

  DispatchInput dispatch_input() const;  ///< of the first dispatch
  DispatchInput again_input() const;     ///< of the cached one: without topk_idx
  CombineInput combine_input() const;
};

/// What every rank gets where the call is refused.
struct Refusal {
  ErrorCode code = ErrorCode::kInvalidArgument;
  Report report;
};

struct Operation {
  OperationPlan plan;
  std::vector<Part> parts;  ///< [R]
  std::optional<Refusal> refusal;
  std::vector<reference::Dispatched> dispatched, again;  ///< [R]
  std::vector<reference::Combined> combined;             ///< [R]

  /// Without max_recv_rows and out_x.
  DispatchOptions dispatch_options() const;
  DispatchOptions again_options() const;
  CombineOptions combine_options() const;
};

struct Round {
  std::vector<int> live;
  Pattern pattern = Pattern::kSequential;
  std::vector<Operation> operations;
};

struct Case {
  CasePlan plan;
  GroupConfig config;  ///< with window_bytes
  std::vector<Round> rounds;
};

/// Computes all inputs and runs the reference on them.
Case make_case(const CasePlan& plan);

}  // namespace crossdock::tools::check
