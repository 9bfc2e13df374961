#include <algorithm>
#include <memory>
#include <vector>

#include "bench/experts.hpp"
#include "bench/slices.hpp"
#include "bench/verify.hpp"

namespace crossdock::tools::bench {
namespace {

/// Combine inputs of all ranks for one slice. Their memory is used again for the next: rows that no token owns hold
/// old bytes, which combine never reads.
class ExpertOutputs {
 public:
  explicit ExpertOutputs(const Scenario& scenario)
      : scenario_(scenario), memory_(static_cast<std::size_t>(scenario.num_ranks)) {}

  std::vector<CombineInput> of(std::vector<reference::Dispatched>& dispatched) {
    std::vector<CombineInput> inputs;
    for (int rank = 0; rank < scenario_.num_ranks; ++rank) {
      const auto index = static_cast<std::size_t>(rank);
      const TensorView rows = like(dispatched[index].x, memory_[index]);
      apply_experts(scenario_, rank, reference::as_result(dispatched[index]), rows);
      inputs.push_back({.x = rows});
    }
    return inputs;
  }

 private:
  TensorView like(const reference::Tensor& x, std::vector<std::byte>& memory) const {
    const ConstTensorView shape = x.view();
    const std::size_t bytes = static_cast<std::size_t>(shape.num_elements()) * size_of(scenario_.combine_dtype);
    if (memory.size() < std::max<std::size_t>(bytes, 1)) memory.resize(std::max<std::size_t>(bytes, 1));
    return {memory.data(), scenario_.combine_dtype, shape.num_dims, shape.shape, shape.strides};
  }

  const Scenario& scenario_;
  std::vector<std::vector<std::byte>> memory_;
};

}  // namespace

Tally verify_combine(const Scenario& scenario, int set, int rank, const CombineResult& result,
                     const Progress& progress) {
  Tally tally;
  tally.compare_number("rows of y", result.y.shape[0], scenario.tokens);
  if (tally.differences() > 0) return tally;
  ExpertOutputs outputs(scenario);
  const std::int64_t step = slice_tokens_from(scenario);
  for (std::int64_t begin = 0; begin < scenario.tokens; begin += step) {
    const std::int64_t end = std::min(begin + step, scenario.tokens);
    const Slice slice = Slice::from(scenario, set, rank, begin, end);
    auto dispatched = reference::dispatch(slice.problem(), slice.inputs(), slice.options());
    const auto combines = outputs.of(dispatched);
    const auto combined = reference::combine(slice.problem(), slice.inputs(), slice.options(), combines, {});
    const reference::Tensor& y = combined[static_cast<std::size_t>(rank)].y;
    const std::size_t offset = static_cast<std::size_t>(begin) * scenario.combine_row_bytes();
    tally.compare("y", static_cast<const std::byte*>(result.y.data) + offset, y.bytes.data(),
                  static_cast<std::size_t>(end - begin) * scenario.combine_row_bytes());
    progress(static_cast<double>(begin) / static_cast<double>(scenario.tokens));
  }
  return tally;
}

}  // namespace crossdock::tools::bench
