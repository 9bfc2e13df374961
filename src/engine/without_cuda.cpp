// crossdock/gpu.hpp in a library built without CUDA.
#include <fmt/format.h>

#include "crossdock/error.hpp"
#include "crossdock/gpu.hpp"

namespace crossdock::gpu {
namespace {

[[noreturn]] void refuse(const char* function) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("gpu::{}: expected a library built with CUDA, got one built without", function),
              {.operation = function, .phase = "input"});
}

}  // namespace

void gate(const GateConfig& /*config*/, const ConstTensorView& /*logits*/, const ConstTensorView& /*bias*/,
          const TensorView& /*topk_idx*/, const TensorView& /*topk_weights*/, void* /*stream*/) {
  refuse("gate");
}

void quantize(const ConstTensorView& /*x*/, Quantize /*quantize*/, const TensorView& /*out*/,
              const TensorView& /*scales*/, void* /*stream*/) {
  refuse("quantize");
}

void restore(const ConstTensorView& /*x*/, const ConstTensorView& /*scales*/, Quantize /*quantize*/,
             const TensorView& /*out*/, void* /*stream*/) {
  refuse("restore");
}

std::size_t routing_scratch_bytes(std::int64_t /*num_tokens*/) { refuse("routing_scratch_bytes"); }

void count_routing(const ConstTensorView& /*topk_idx*/, int /*num_experts*/, int /*num_ranks*/,
                   const RoutingCounts& /*counts*/, void* /*scratch*/, std::size_t /*scratch_bytes*/,
                   void* /*stream*/) {
  refuse("count_routing");
}

std::vector<KernelFootprint> footprint() { refuse("footprint"); }

}  // namespace crossdock::gpu
