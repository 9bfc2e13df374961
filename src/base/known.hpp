// Values of the public enums that come from outside: a caller's field, a byte of a peer.
#pragma once

#include <fmt/format.h>

#include <string>

#include "crossdock/types.hpp"

namespace crossdock::base {

/// The last value of an enum whose values count from 0.
template <typename Enum>
inline constexpr Enum kLast{};
template <>
inline constexpr DType kLast<DType> = DType::kInt64;
template <>
inline constexpr Layout kLast<Layout> = Layout::kExpertPadded;
template <>
inline constexpr Mode kLast<Mode> = Mode::kLatency;
template <>
inline constexpr ReductionTree kLast<ReductionTree> = ReductionTree::kHierarchical;
template <>
inline constexpr Quantize kLast<Quantize> = Quantize::kFp8Ue8m0;
template <>
inline constexpr Backend kLast<Backend> = Backend::kCuda;
template <>
inline constexpr ScaleOrder kLast<ScaleOrder> = ScaleOrder::kColumnMajor;

/// Whether the enum has such a value. Of every tensor of every call: names would take too long to compare.
template <typename Enum>
constexpr bool is_known(Enum value) {
  static_assert(kLast<Enum> != Enum{}, "kLast of this enum");
  return value <= kLast<Enum>;
}

/// Its name, or "value 77" where the enum has none such.
template <typename Enum>
std::string shown(Enum value) {
  return is_known(value) ? std::string(name_of(value)) : fmt::format("value {}", static_cast<int>(value));
}

}  // namespace crossdock::base
