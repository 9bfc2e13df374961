// From an array of variants to the kernels compiled for them.
#pragma once

#include <array>
#include <cstddef>

namespace crossdock::kernels {

/// A variant as a type. The host stubs of nvcc 13.0 do not find a struct of a namespace that is itself the template
/// argument of a kernel; inside a type they do.
template <auto kValue>
struct Fixed {
  static constexpr auto kVariant = kValue;
};

template <typename Variant, typename Args>
struct Compiled {
  Variant variant = {};
  void (*kernel)(Args) = nullptr;
  int smem_bytes = 0;
};

template <typename Variant, typename Args, std::size_t kCount>
const Compiled<Variant, Args>* find_variant(const std::array<Compiled<Variant, Args>, kCount>& table,
                                            const Variant& variant) {
  for (const auto& entry : table) {
    if (entry.variant == variant) return &entry;
  }
  return nullptr;
}

}  // namespace crossdock::kernels
