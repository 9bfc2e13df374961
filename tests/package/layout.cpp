// Prints what a program that was compiled against these headers has built in: where each field of a public struct lies,
// how large the classes are, which numbers the enums and constants have. Two versions of the library that print the
// same may replace one another. A field that is missing here does not build: structured bindings name all of them.
#include <crossdock/crossdock.hpp>
#include <cstddef>
#include <cstdio>
#include <string_view>

namespace {

using namespace crossdock;

std::size_t offset_in(const void* object, const void* field) {
  return static_cast<std::size_t>(static_cast<const char*>(field) - static_cast<const char*>(object));
}

void show_size(std::string_view name, std::size_t bytes) {
  std::printf("%.*s %zu\n", static_cast<int>(name.size()), name.data(), bytes);
}

/// A line a field: "GroupConfig.top_k at 4, 4".
template <typename Struct, typename... Fields>
void show_struct(std::string_view name, std::string_view field_names, const Struct& object, const Fields&... fields) {
  show_size(name, sizeof object);
  const auto show_field = [&](const void* field, std::size_t bytes) {
    const std::string_view field_name = field_names.substr(0, field_names.find(','));
    field_names.remove_prefix(std::min(field_names.size(), field_name.size() + 2));
    std::printf("%.*s.%.*s at %zu, %zu\n", static_cast<int>(name.size()), name.data(),
                static_cast<int>(field_name.size()), field_name.data(), offset_in(&object, field), bytes);
  };
  (show_field(&fields, sizeof fields), ...);
}

#define SHOW(type, ...)                                    \
  do {                                                     \
    const type object{};                                   \
    const auto& [__VA_ARGS__] = object;                    \
    show_struct(#type, #__VA_ARGS__, object, __VA_ARGS__); \
  } while (false)

/// All values that have a name, in the order of their numbers.
template <typename Enum>
void show_enum(const char* name) {
  std::printf("%s %zu:", name, sizeof(Enum));
  for (int number = 0; name_of(static_cast<Enum>(number)) != "unknown"; ++number) {
    const std::string_view value = name_of(static_cast<Enum>(number));
    std::printf(" %.*s", static_cast<int>(value.size()), value.data());
  }
  std::printf("\n");
}

void show_structs() {
  SHOW(TensorView, data, dtype, num_dims, shape, strides);
  SHOW(ConstTensorView, data, dtype, num_dims, shape, strides);
  SHOW(GroupConfig, num_experts, top_k, hidden, max_tokens, latency_max_tokens, ranks_per_node, element_bytes,
       expert_layout, expert_alignment, latency_slots, live_results, window_bytes, backend, device, num_sms,
       num_threads, deadline);
  SHOW(RequiredBytes, control, latency, results, window, signals, all_ranks);
  SHOW(FreeMemory, bytes, bound);
  SHOW(Report, operation, phase, rank, peer, channel, epoch, expected, observed);
  SHOW(TcpWorldOptions, rank, num_ranks, address, port, deadline, identity);
  SHOW(WorldOptions, deadline, address, port, interface, identity);
  SHOW(ExpertPlacement, num_experts, num_ranks);
  SHOW(RowRange, begin, count);
  SHOW(RowSource, expert, rank, token, k);
  SHOW(Execution, stream, after, done, num_sms);
  SHOW(DispatchInput, x, scales, topk_idx, topk_weights);
  SHOW(DispatchOptions, layout, tree, quantize, scale_order, expert_alignment, max_recv_rows, out_x, execution);
  SHOW(Traffic, logical_bytes, peer_bytes, node_bytes);
  SHOW(DispatchResult, handle, num_rows, device_num_rows, x, scales, topk_weights, tokens_per_expert, topk_idx,
       expert_offsets, row_expert, source, source_count, source_begin, source_token, traffic, memory);
  SHOW(CombineInput, x, topk_weights, recv_topk_weights, bias0, bias1);
  SHOW(CombineOptions, wire_dtype, out_dtype, out_y, execution);
  SHOW(CombineResult, y, topk_weights, traffic, memory);
  SHOW(Group::Allocation, view, memory);
  SHOW(GateConfig, num_experts, top_k, num_groups, top_groups, sigmoid, normalize, route_scale);
  SHOW(gpu::RoutingCounts, rank_rows, expert_rows, slots);
  SHOW(gpu::KernelFootprint, name, threads, registers, static_shared_bytes, dynamic_shared_bytes, blocks_per_sm);
  SHOW(reference::Problem, num_ranks, ranks_per_node, num_experts, latency_max_tokens, live);
  SHOW(reference::Tensor, dtype, shape, strides, bytes);
  SHOW(reference::Dispatched, num_rows, x, scales, topk_weights, tokens_per_expert, topk_idx, expert_offsets,
       row_expert, source, source_count, source_begin, source_token, traffic);
  SHOW(reference::Combined, y, topk_weights, traffic);
}

void show_classes() {
  show_size("World", sizeof(World));
  show_size("Group", sizeof(Group));
  show_size("PendingDispatch", sizeof(PendingDispatch));
  show_size("PendingCombine", sizeof(PendingCombine));
  show_size("Handle", sizeof(Handle));
  show_size("WindowBuffer", sizeof(WindowBuffer));
  show_size("Stream", sizeof(Stream));
  show_size("Error", sizeof(Error));
}

void show_enums_and_constants() {
  show_enum<DType>("DType");
  show_enum<Layout>("Layout");
  show_enum<Mode>("Mode");
  show_enum<ReductionTree>("ReductionTree");
  show_enum<Quantize>("Quantize");
  show_enum<Backend>("Backend");
  show_enum<WindowSharing>("WindowSharing");
  show_enum<ScaleOrder>("ScaleOrder");
  show_enum<ErrorCode>("ErrorCode");
  std::printf("kMaxTopK %d\nkQuantBlock %d\nkPoison %d\n", kMaxTopK, kQuantBlock, static_cast<int>(reference::kPoison));
}

}  // namespace

int main() {
  show_structs();
  show_classes();
  show_enums_and_constants();
}
