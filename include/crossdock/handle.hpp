// What dispatch leaves for combine.
#pragma once

#include <cstdint>
#include <memory>

#include "crossdock/types.hpp"

namespace crossdock {

namespace engine {
struct HandleFacts;
class Engine;
}  // namespace engine

/// Fixes T, topk_idx, layout, max_recv_rows and the reduction tree of one dispatch. Copies share it.
/// On CUDA it holds a little window memory. It may outlive the result; its group refuses it after the epoch has
/// changed. What an empty one is asked throws InvalidHandle.
class Handle {
 public:
  Handle() = default;
  explicit operator bool() const { return state_ != nullptr; }

  Layout layout() const;
  ReductionTree tree() const;
  std::int64_t num_tokens() const;  ///< T of this rank
  /// Rows of the layout on this rank (kExpertPadded: E_local * R * T_max). CUDA with max_recv_rows: that many.
  std::int64_t num_rows() const;

 private:
  friend class engine::Engine;
  explicit Handle(std::shared_ptr<const engine::HandleFacts> state) : state_(std::move(state)) {}
  std::shared_ptr<const engine::HandleFacts> state_;
};

}  // namespace crossdock
