// Tensors of a call on a GPU lie in its memory, or in the host's where it reaches that.
#pragma once

#include <string_view>

#include "core/contract/reject.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::engine::cuda {

/// Throws InvalidArgument where a tensor with elements lies in ordinary host memory, or on another GPU than the calling
/// thread's: kernels would end with an illegal address.
void check_device_memory(const core::Caller& caller, std::string_view what, const ConstTensorView& view);

/// Throws InvalidArgument where a tensor with elements does not start at a multiple of 16 bytes.
void check_alignment(const core::Caller& caller, std::string_view what, const ConstTensorView& view);

}  // namespace crossdock::engine::cuda
