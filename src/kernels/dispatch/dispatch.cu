#include <array>
#include <utility>

#include "kernels/dispatch/dispatch.hpp"
#include "kernels/dispatch/dispatch_kernel.cuh"
#include "kernels/launch_overlapped.cuh"
#include "kernels/variant_table.cuh"

namespace crossdock::kernels {
namespace {

// Measured in docs/design/gpu-rows.md.
constexpr std::array kVariants{
    DispatchVariant{.row_warps = 4, .meta_warps = 4, .stages = 6, .unread_stores = 3, .chunk_bytes = 7168},
    DispatchVariant{.row_warps = 8, .meta_warps = 4, .stages = 3, .unread_stores = 1, .chunk_bytes = 7168},
};

using Entry = Compiled<DispatchVariant, DispatchArgs>;

template <std::size_t... kIndex>
constexpr auto make_table(std::index_sequence<kIndex...>) {
  return std::array{Entry{kVariants[kIndex], &dispatch_kernel<Fixed<kVariants[kIndex]>>,
                          static_cast<int>(sizeof(DispatchSmem<kVariants[kIndex]>))}...};
}

const auto kTable = make_table(std::make_index_sequence<kVariants.size()>{});

void check_shape(const DispatchArgs& args, int num_sms) {
  if (num_sms < 1 || num_sms > device::kMaxBlocks) refuse("dispatch", "num_sms", "1 to 256", num_sms);
  if (args.port.num_ranks > device::kMaxPeers) refuse("dispatch", "ranks of a node", "at most 32", args.port.num_ranks);
  if (args.num_experts > device::kMaxExperts) refuse("dispatch", "experts", "at most 1024", args.num_experts);
  if (args.row_bytes <= 0 || args.row_bytes % 16 != 0)
    refuse("dispatch", "bytes of a row", "a multiple of 16", args.row_bytes);
  if (args.top_k < 1 || args.top_k > 32) refuse("dispatch", "top_k", "1 to 32", args.top_k);
  if (args.expert_alignment < 1) refuse("dispatch", "expert_alignment", "at least 1", args.expert_alignment);
}

/// A call that its own rank rejected: of its shape nothing is known.
DispatchArgs without_rows(DispatchArgs args) {
  args.num_tokens = 0;
  args.row_bytes = 16;
  args.scale_words = 0;
  args.top_k = 1;
  args.expert_alignment = 1;
  args.is_contiguous = false;
  args.offer = {};
  args.layout_capacity = 0;
  return args;
}

}  // namespace

std::span<const DispatchVariant> dispatch_variants() { return kVariants; }

LoadedKernels load_dispatch() {
  LoadedKernels kernels;
  for (const auto& [variant, kernel, smem_bytes] : kTable) {
    const std::string name = "dispatch, " + std::to_string(variant.row_warps) + " + " +
                             std::to_string(variant.meta_warps) + " warps x " + std::to_string(variant.stages) + " x " +
                             std::to_string(variant.chunk_bytes) + " bytes";
    kernels.push_back(load_kernel(name, kernel, variant.threads(), smem_bytes));
  }
  return kernels;
}

void launch_dispatch(const DispatchArgs& args, int num_sms, const DispatchVariant& variant, cudaStream_t stream) {
  const DispatchArgs call = args.terms.rejected >= 0 ? without_rows(args) : args;
  check_shape(call, num_sms);
  const Entry* entry = find_variant(kTable, variant);
  if (entry == nullptr) refuse("dispatch", "variant", "one of the table", variant.threads());
  launch_overlapped("dispatch", entry->kernel, num_sms, variant.threads(), entry->smem_bytes, stream, call);
}

}  // namespace crossdock::kernels
