// What a combine call asks for, whatever backend serves it.
#pragma once

#include <cstdint>

#include "crossdock/operations.hpp"
#include "engine/control.hpp"
#include "engine/handle_facts.hpp"

namespace crossdock::engine {

/// What all ranks have to agree on.
inline Agreement agreement_of(const CombineInput& input, std::int64_t hidden, DType wire_dtype, DType out_dtype,
                              const HandleFacts& handle) {
  Agreement agreement;
  const auto set = [&](Agreed field, auto value) { agreement.set(field, static_cast<std::int64_t>(value)); };
  set(Agreed::kCall, CallKind::kCombine);
  set(Agreed::kHandle, handle.sequence + 1);
  set(Agreed::kXDtype, input.x.dtype);
  set(Agreed::kHidden, hidden);
  set(Agreed::kWireDtype, wire_dtype);
  set(Agreed::kOutDtype, out_dtype);
  set(Agreed::kRecvWeightsGiven, input.recv_topk_weights.given());
  return agreement;
}

}  // namespace crossdock::engine
