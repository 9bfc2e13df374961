// What dispatch leaves for combine on a GPU. The arrays lie in the own window.
#pragma once

#include <cstdint>

#include "crossdock/operations.hpp"
#include "engine/handle_facts.hpp"

namespace crossdock::engine::cuda {

/// The routing as its source; cached dispatches share it.
struct SourceArrays {
  std::int32_t* slots = nullptr;        ///< [T, R]; throughput
  std::int32_t* rank_rows = nullptr;    ///< [R]; throughput
  std::int32_t* expert_rows = nullptr;  ///< [E]; throughput
  std::int32_t* selections = nullptr;   ///< [T, K]: global expert, or -1
  WindowBuffer memory = {};
};

/// The routing as its receiver, of one dispatch.
struct ReceiverArrays {
  std::int32_t* first_rows = nullptr;    ///< [R]: this source's first row at each rank; throughput
  std::int32_t* source_first = nullptr;  ///< [R]: each source's first row here
  std::int32_t* source_rows = nullptr;   ///< [R]: each source's rows here
  std::uint32_t* failed = nullptr;       ///< [1]: not 0 = the dispatch failed, on all ranks
  float* source_weights = nullptr;       ///< [T, K] given at dispatch, where the tree needs them here
  // Expert layouts: [rows that arrive, K]
  std::int32_t* positions = nullptr;
  float* weights = nullptr;        ///< or none
  std::int32_t* tokens = nullptr;  ///< [rows that arrive]; throughput
  WindowBuffer memory = {};
  WindowBuffer position_memory = {};
};

struct CudaHandle : HandleFacts {
  std::int64_t tokens = 0;
  int top_k_of_call = 0;
  std::int64_t rows = 0;       ///< of the layout; the capacity where the host did not wait
  std::int64_t wire_rows = 0;  ///< rows that arrive, at most
  bool weights_given = false;
  SourceArrays source = {};
  ReceiverArrays receiver = {};

  std::int64_t num_tokens() const override { return tokens; }
  std::int64_t num_rows() const override { return rows; }
  int top_k() const override { return top_k_of_call; }
};

}  // namespace crossdock::engine::cuda
