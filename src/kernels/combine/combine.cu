#include <array>
#include <cstdint>
#include <utility>

#include "kernels/combine/combine.hpp"
#include "kernels/combine/combine_any.hpp"
#include "kernels/combine/combine_kernel.cuh"
#include "kernels/launch_overlapped.cuh"
#include "kernels/variant_table.cuh"

namespace crossdock::kernels {
namespace {

// Measured in docs/design/gpu-rows.md.
constexpr std::array kVariants{
    CombineVariant{.warps = 16, .stages = 4, .piece_bytes = 3584},
    CombineVariant{.warps = 24, .stages = 4, .piece_bytes = 2048},
    CombineVariant{.warps = 16, .stages = 2, .piece_bytes = 3584},
};

using Entry = Compiled<CombineVariant, CombineArgs>;

template <std::size_t... kIndex>
constexpr auto make_table(std::index_sequence<kIndex...>) {
  return std::array{Entry{kVariants[kIndex], &combine_kernel<Fixed<kVariants[kIndex]>>,
                          static_cast<int>(sizeof(CombineSmem<kVariants[kIndex]>))}...};
}

const auto kTable = make_table(std::make_index_sequence<kVariants.size()>{});

/// Whether a type has bytes that the fast kernel adds as they are.
bool is_bf16(const std::byte* bias, DType dtype) {
  return bias == nullptr || (dtype == DType::kBf16 && reinterpret_cast<std::uintptr_t>(bias) % 16 == 0);
}

bool is_fast(const CombineArgs& args) {
  return args.row_dtype == DType::kBf16 && args.wire_dtype == DType::kBf16 && args.out_dtype == DType::kBf16 &&
         args.hidden % 8 == 0 && !args.per_selection && !args.round_node_sum && is_bf16(args.bias0, args.bias0_dtype) &&
         is_bf16(args.bias1, args.bias1_dtype);
}

}  // namespace

std::span<const CombineVariant> combine_variants() { return kVariants; }

LoadedKernels load_combine() {
  LoadedKernels kernels = load_combine_any();
  for (const auto& [variant, kernel, smem_bytes] : kTable) {
    const std::string name = "combine of bf16, " + std::to_string(variant.warps) + " warps x " +
                             std::to_string(variant.stages) + " x " + std::to_string(variant.piece_bytes) + " bytes";
    kernels.push_back(load_kernel(name, kernel, variant.threads(), smem_bytes));
  }
  return kernels;
}

void launch_combine(const CombineArgs& args, int num_sms, const CombineVariant& variant, cudaStream_t stream) {
  if (!is_fast(args)) return launch_combine_any(args, num_sms, stream);
  check_combine_shape(args, num_sms);
  const Entry* entry = find_variant(kTable, variant);
  if (entry == nullptr) refuse("combine", "variant", "one of the table", variant.threads());
  launch_overlapped("combine", entry->kernel, num_sms, variant.threads(), entry->smem_bytes, stream, args);
}

}  // namespace crossdock::kernels
