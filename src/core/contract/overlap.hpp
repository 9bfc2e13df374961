// Outputs of a call share no memory with its inputs or with one another: kernels and threads write the one while others
// still read the other.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/contract/reject.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::core {

/// A tensor of a call, by name.
struct Named {
  std::string_view what;
  ConstTensorView view;
};

/// Whether elements of the two share a byte. `dense` is dense; `other` may have any strides: what lies in its gaps is
/// not its own, so rows may lie between rows. Both passed check_shape. Compares addresses, reads nothing.
bool overlap(const ConstTensorView& dense, const ConstTensorView& other);

/// From the first to the last byte of the elements, gaps included; empty where there are none. It passed check_shape.
std::span<const std::byte> extent_of(const ConstTensorView& tensor);

/// Rejects an output, dense, that overlaps an input or an output before it.
void check_apart(const Caller& caller, std::span<const Named> outputs, std::span<const Named> inputs);

}  // namespace crossdock::core
