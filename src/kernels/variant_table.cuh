// From an array of variants to the kernels compiled for them.
#pragma once

#include <array>
#include <cstddef>

namespace crossdock::kernels {

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
