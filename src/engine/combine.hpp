// Combine: "rows ready" to everybody, then each rank pulls the rows of its tokens and adds them, then "rows read".
#pragma once

#include <memory>
#include <optional>

#include "crossdock/group.hpp"
#include "engine/arena.hpp"
#include "engine/call.hpp"
#include "engine/handle_state.hpp"
#include "engine/pending.hpp"

namespace crossdock::engine {

struct PendingCombineState : Pending {
  std::shared_ptr<Context> context;
  std::shared_ptr<const HandleState> plan;
  CombineInput input;
  DType wire_dtype = DType::kBf16;
  std::int64_t hidden = 0;
  std::optional<Call> call;

  std::size_t rows_offset = 0;     ///< of x in the window
  std::size_t weights_offset = 0;  ///< of recv_topk_weights in the window
  Reservation copy;                ///< of inputs that lay elsewhere
  bool exposed = false;            ///< peers may read this rank's rows
  Reservation output;
  CombineResult result;

  /// Lets the peers go on; a copy that they may still read goes to quarantine.
  ~PendingCombineState() override;
};

std::unique_ptr<PendingCombineState> combine_send(const std::shared_ptr<Context>& context,
                                                  std::shared_ptr<const HandleState> plan, const CombineInput& input,
                                                  const CombineOptions& options);
void combine_receive(PendingCombineState& state);

}  // namespace crossdock::engine
