#include <array>
#include <utility>

#include "kernels/combine/combine.hpp"
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

}  // namespace

std::span<const CombineVariant> combine_variants() { return kVariants; }

void launch_combine(const CombineArgs& args, int num_sms, const CombineVariant& variant, cudaStream_t stream) {
  if (num_sms < 1) refuse("combine", "num_sms", "at least 1", num_sms);
  if (args.port.num_ranks > device::kMaxPeers) refuse("combine", "ranks of a node", "at most 32", args.port.num_ranks);
  if (args.row_bytes <= 0 || args.row_bytes % 16 != 0)
    refuse("combine", "row bytes", "a multiple of 16", args.row_bytes);
  const Entry* entry = find_variant(kTable, variant);
  if (entry == nullptr) refuse("combine", "variant", "one of the table", variant.threads());
  launch_overlapped("combine", entry->kernel, num_sms, variant.threads(), entry->smem_bytes, stream, args);
}

}  // namespace crossdock::kernels
