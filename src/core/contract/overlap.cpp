#include "core/contract/overlap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace crossdock::core {
namespace {

/// Bytes [begin, end).
struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  bool meets(const Interval& other) const { return begin < other.end && other.begin < end; }
};

struct Dim {
  std::int64_t stride = 0;  ///< in bytes, more than 0
  std::int64_t last = 0;    ///< the largest index, more than 0
};

/// Where the elements of a view lie, in ascending strides: a negative stride is the same memory from its other end, a
/// stride of 0 or a size of 1 adds none.
class Elements {
 public:
  /// The view has elements.
  explicit Elements(const ConstTensorView& view)
      : begin_(reinterpret_cast<std::intptr_t>(view.data)), bytes_(static_cast<std::int64_t>(size_of(view.dtype))) {
    for (std::size_t d = 0; d < static_cast<std::size_t>(view.num_dims); ++d) {
      const std::int64_t last = view.shape[d] - 1;
      if (last == 0 || view.strides[d] == 0) continue;
      const std::int64_t stride = view.strides[d] * bytes_;
      if (stride < 0) begin_ += last * stride;
      insert({.stride = stride < 0 ? -stride : stride, .last = last});
    }
  }

  /// From the first byte to the last, gaps included.
  Interval span() const { return {.begin = begin_, .end = begin_ + bytes_of(num_dims_)}; }

  bool meet(const Interval& interval) const { return meet(interval, begin_, num_dims_); }

 private:
  /// By hand: g++ 12 at -O3 sees std::sort go past three elements, which it would do from sixteen on.
  void insert(Dim dim) {
    std::size_t at = num_dims_++;
    for (; at > 0 && dim.stride < dims_[at - 1].stride; --at) dims_[at] = dims_[at - 1];
    dims_[at] = dim;
  }

  /// Of the `count` innermost dimensions.
  std::int64_t bytes_of(std::size_t count) const {
    std::int64_t bytes = bytes_;
    for (const Dim& dim : std::span(dims_).first(count)) bytes += dim.last * dim.stride;
    return bytes;
  }

  /// Whether they leave no byte out: each step is at most as wide as what it steps over.
  bool is_gapless(std::size_t count) const {
    for (std::size_t d = 0; d < count; ++d) {
      if (dims_[d].stride > bytes_of(d)) return false;
    }
    return true;
  }

  /// Whether a byte of the elements of the `count` innermost dimensions at `begin` is in the interval.
  bool meet(const Interval& interval, std::int64_t begin, std::size_t count) const {
    if (!Interval{begin, begin + bytes_of(count)}.meets(interval)) return false;
    if (is_gapless(count)) return true;
    const Dim& outer = dims_[count - 1];
    const std::int64_t inner_bytes = bytes_of(count - 1);
    // Only the steps that reach the interval.
    const std::int64_t first = std::max<std::int64_t>(0, (interval.begin - begin - inner_bytes) / outer.stride);
    const std::int64_t last = std::min(outer.last, (interval.end - begin) / outer.stride);
    for (std::int64_t i = first; i <= last; ++i) {
      if (meet(interval, begin + i * outer.stride, count - 1)) return true;
    }
    return false;
  }

  std::int64_t begin_;
  std::int64_t bytes_;  ///< of an element
  std::array<Dim, 3> dims_{};
  std::size_t num_dims_ = 0;
};

bool has_elements(const ConstTensorView& view) { return view.given() && view.num_elements() != 0; }

}  // namespace

bool overlap(const ConstTensorView& dense, const ConstTensorView& other) {
  if (!has_elements(dense) || !has_elements(other)) return false;
  return Elements(other).meet(Elements(dense).span());
}

std::span<const std::byte> extent_of(const ConstTensorView& tensor) {
  if (!has_elements(tensor)) return {};
  const auto [begin, end] = Elements(tensor).span();
  const auto* data = static_cast<const std::byte*>(tensor.data);
  return {data + (begin - reinterpret_cast<std::intptr_t>(data)), static_cast<std::size_t>(end - begin)};
}

void check_apart(const Caller& caller, std::span<const Named> outputs, std::span<const Named> inputs) {
  const auto check = [&](const Named& output, const Named& other) {
    if (!overlap(output.view, other.view)) return;
    reject(caller, output.what, fmt::format("memory apart from that of {}", other.what),
           fmt::format("{} that overlaps {}", describe(output.view), describe(other.view)));
  };
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    for (const Named& input : inputs) check(outputs[i], input);
    for (const Named& before : outputs.first(i)) check(outputs[i], before);
  }
}

}  // namespace crossdock::core
