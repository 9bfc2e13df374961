#include "crossdock/types.hpp"

#include <fmt/format.h>

#include <array>

#include "crossdock/error.hpp"

namespace crossdock {
namespace {

template <typename Enum, std::size_t kCount>
std::string_view pick(const std::array<std::string_view, kCount>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < kCount ? names[index] : "unknown";
}

}  // namespace

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kBf16:
    case DType::kFp16:
      return 2;
    case DType::kFp32:
    case DType::kInt32:
      return 4;
    case DType::kFp8E4m3:
      return 1;
    case DType::kInt64:
      return 8;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("size_of: expected a value of DType, got value {}", static_cast<int>(dtype)));
}

std::string_view name_of(DType dtype) {
  static constexpr std::array<std::string_view, 6> kNames{"bf16", "fp16", "fp32", "fp8", "int32", "int64"};
  return pick(kNames, dtype);
}

std::string_view name_of(Layout layout) {
  static constexpr std::array<std::string_view, 3> kNames{"flat", "expert_contiguous", "expert_padded"};
  return pick(kNames, layout);
}

std::string_view name_of(Mode mode) {
  static constexpr std::array<std::string_view, 2> kNames{"throughput", "latency"};
  return pick(kNames, mode);
}

std::string_view name_of(ReductionTree tree) {
  static constexpr std::array<std::string_view, 3> kNames{"per_rank", "per_selection", "hierarchical"};
  return pick(kNames, tree);
}

std::string_view name_of(Backend backend) {
  static constexpr std::array<std::string_view, 2> kNames{"cpu", "cuda"};
  return pick(kNames, backend);
}

std::string_view name_of(WindowSharing sharing) {
  static constexpr std::array<std::string_view, 3> kNames{"addresses", "file_descriptors", "fabric_handles"};
  return pick(kNames, sharing);
}

std::string_view name_of(Quantize quantize) {
  static constexpr std::array<std::string_view, 4> kNames{"none", "fp8", "fp8_power_of_two", "fp8_ue8m0"};
  return pick(kNames, quantize);
}

std::string_view name_of(ScaleOrder order) {
  static constexpr std::array<std::string_view, 2> kNames{"row_major", "column_major"};
  return pick(kNames, order);
}

}  // namespace crossdock
