// What dispatch leaves for combine.
#pragma once

#include <cstdint>
#include <memory>

#include "crossdock/types.hpp"

namespace crossdock {

namespace engine {
struct HandleState;
class Engine;
}  // namespace engine

/// Fixes T, topk_idx, layout, max_recv_rows and the reduction tree of one dispatch. Copies share it.
/// It holds no window memory, so it may outlive the result; its group refuses it after the epoch has changed.
class Handle {
 public:
  Handle() = default;
  explicit operator bool() const { return state_ != nullptr; }

  Layout layout() const;
  ReductionTree tree() const;
  std::int64_t num_tokens() const;  ///< T of this rank
  std::int64_t num_rows() const;    ///< rows of the layout on this rank (kExpertPadded: E_local * R * T_max)

 private:
  friend class engine::Engine;
  explicit Handle(std::shared_ptr<const engine::HandleState> state) : state_(std::move(state)) {}
  std::shared_ptr<const engine::HandleState> state_;
};

}  // namespace crossdock
