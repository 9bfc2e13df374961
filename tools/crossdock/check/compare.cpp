#include "check/compare.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "numbers.hpp"
#include "place.hpp"

namespace crossdock::tools::check {
namespace {

constexpr std::size_t kKept = 3;

std::string hex(const std::byte* bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = count; i-- > 0;) text += fmt::format("{:02x}", std::to_integer<int>(bytes[i]));
  return "0x" + text;
}

/// "[3, 17]" of the element at `offset`, or "offset 12" where strides do not tell.
std::string place_of(const ConstTensorView& view, std::size_t offset) {
  std::vector<std::int64_t> index;
  auto rest = static_cast<std::int64_t>(offset);
  if (!is_dense(view)) return fmt::format("offset {}", offset);
  for (std::size_t d = 0; d < static_cast<std::size_t>(view.num_dims); ++d) {
    index.push_back(rest / view.strides[d]);
    rest %= view.strides[d];
  }
  return fmt::format("[{}]", fmt::join(index, ", "));
}

bool same_element(DType dtype, const std::byte* got, const std::byte* expected, std::size_t index) {
  const std::size_t size = size_of(dtype);
  if (std::memcmp(got + index * size, expected + index * size, size) == 0) return true;
  return is_nan(dtype, got, index) && is_nan(dtype, expected, index);
}

template <typename View>
std::vector<std::int64_t> significant_strides(const View& view) {
  std::vector<std::int64_t> strides;
  for (std::size_t d = 0; d < static_cast<std::size_t>(view.num_dims); ++d) {
    strides.push_back(view.shape[d] == 1 ? 0 : view.strides[d]);
  }
  return strides;
}

}  // namespace

void Comparison::differs(std::string text) {
  ++num_differences_;
  if (first_.size() < kKept) first_.push_back(std::move(text));
}

std::string Comparison::summary() const {
  const std::string more = num_differences_ > first_.size() ? fmt::format("; {} in all", num_differences_) : "";
  return fmt::format("{}{}", fmt::join(first_, "; "), more);
}

void Comparison::number(std::string_view name, std::int64_t got, std::int64_t expected) {
  if (got != expected) differs(fmt::format("{}: expected {}, got {}", name, expected, got));
}

void Comparison::poison(std::string_view name, const std::byte* memory, std::size_t bytes) {
  bytes_ += bytes;
  const auto* end = memory + bytes;
  const auto* touched = std::find_if(memory, end, [](std::byte b) { return b != reference::kPoison; });
  if (touched != end) differs(fmt::format("{}: byte {} past its end was written", name, touched - memory));
}

bool Comparison::same_form(std::string_view name, const ConstTensorView& got, const ConstTensorView& expected) {
  const bool same_shape = got.num_dims == expected.num_dims && got.shape == expected.shape;
  if ((got.given() && got.dtype != expected.dtype) || !same_shape) {
    differs(fmt::format("{}: expected {}, got {}", name, describe(expected), describe(got)));
    return false;
  }
  if (expected.num_elements() > 0 && significant_strides(got) != significant_strides(expected)) {
    differs(fmt::format("{}: expected strides ({}), got ({})", name, fmt::join(significant_strides(expected), ", "),
                        fmt::join(significant_strides(got), ", ")));
    return false;
  }
  return true;
}

void Comparison::tensor(std::string_view name, const ConstTensorView& got, const reference::Tensor& expected) {
  const ConstTensorView wanted = expected.shape.empty() ? ConstTensorView{} : expected.view();
  if (!same_form(name, got, wanted)) return;
  const std::size_t elements = span_elements(wanted);
  const std::size_t size = size_of(expected.dtype);
  bytes_ += elements * size;
  if (elements == 0 || std::memcmp(got.data, wanted.data, elements * size) == 0) return;
  const auto* got_bytes = static_cast<const std::byte*>(got.data);
  const std::byte* wanted_bytes = expected.bytes.data();
  std::size_t different = 0;
  std::size_t first = 0;
  for (std::size_t i = elements; i-- > 0;) {
    if (same_element(expected.dtype, got_bytes, wanted_bytes, i)) continue;
    ++different;
    first = i;
  }
  if (different == 0) return;
  differs(fmt::format("{} {}: expected {}, got {} ({} of {} elements differ)", name, place_of(wanted, first),
                      hex(wanted_bytes + first * size, size), hex(got_bytes + first * size, size), different,
                      elements));
}

void Comparison::traffic(std::string_view name, const Traffic& got, const Traffic& expected) {
  const Traffic unknown{.logical_bytes = -1, .peer_bytes = -1, .node_bytes = -1};
  const Traffic& wanted = counts_traffic_ ? expected : unknown;
  number(fmt::format("{}.logical_bytes", name), got.logical_bytes, wanted.logical_bytes);
  number(fmt::format("{}.peer_bytes", name), got.peer_bytes, wanted.peer_bytes);
  number(fmt::format("{}.node_bytes", name), got.node_bytes, wanted.node_bytes);
}

void Comparison::dispatched(std::string_view name, const DispatchResult& got, const reference::Dispatched& expected) {
  const auto at = [&](const char* field) { return fmt::format("{} {}", name, field); };
  number(at("num_rows"), got.num_rows, expected.num_rows);
  tensor(at("x"), got.x, expected.x);
  tensor(at("scales"), got.scales, expected.scales);
  tensor(at("topk_weights"), got.topk_weights, expected.topk_weights);
  tensor(at("tokens_per_expert"), got.tokens_per_expert, expected.tokens_per_expert);
  tensor(at("topk_idx"), got.topk_idx, expected.topk_idx);
  tensor(at("expert_offsets"), got.expert_offsets, expected.expert_offsets);
  tensor(at("row_expert"), got.row_expert, expected.row_expert);
  tensor(at("source"), got.source, expected.source);
  tensor(at("source_count"), got.source_count, expected.source_count);
  tensor(at("source_begin"), got.source_begin, expected.source_begin);
  tensor(at("source_token"), got.source_token, expected.source_token);
  traffic(at("traffic"), got.traffic, expected.traffic);
}

void Comparison::combined(std::string_view name, const CombineResult& got, const reference::Combined& expected) {
  const auto at = [&](const char* field) { return fmt::format("{} {}", name, field); };
  tensor(at("y"), got.y, expected.y);
  tensor(at("topk_weights"), got.topk_weights, expected.topk_weights);
  traffic(at("traffic"), got.traffic, expected.traffic);
}

}  // namespace crossdock::tools::check
