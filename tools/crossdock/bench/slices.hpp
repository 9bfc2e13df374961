// Some tokens of a scenario, made again from their numbers, as inputs of the reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/scenario.hpp"
#include "crossdock/reference.hpp"

namespace crossdock::tools::bench {

/// Bound of the largest tensor that the reference makes from one slice.
inline constexpr std::size_t kSliceBytes = std::size_t{24} << 20;

/// Owns the memory that its views point to.
class Slice {
 public:
  /// Tokens [begin, end) of every rank, with the selections that stay on `destination`; the others are none, which
  /// does not change what arrives there.
  static Slice towards(const Scenario& scenario, int set, int destination, std::int64_t begin, std::int64_t end);
  /// Tokens [begin, end) of `source`, and none of the other ranks.
  static Slice from(const Scenario& scenario, int set, int source, std::int64_t begin, std::int64_t end);

  const reference::Problem& problem() const { return problem_; }
  const std::vector<DispatchInput>& inputs() const { return inputs_; }
  const std::vector<DispatchOptions>& options() const { return options_; }

 private:
  Slice(const Scenario& scenario, std::int64_t tokens);
  void add(const Scenario& scenario, int set, int source, std::int64_t begin, std::int64_t end, int destination);
  void add_empty(const Scenario& scenario);

  struct Part {
    std::vector<std::byte> x;
    std::vector<float> scales;
    std::vector<std::int32_t> experts;
    std::vector<float> weights;
  };
  reference::Problem problem_;
  std::vector<Part> parts_;
  std::vector<DispatchInput> inputs_;
  std::vector<DispatchOptions> options_;
};

/// Tokens a slice may have.
std::int64_t slice_tokens_towards(const Scenario& scenario);
std::int64_t slice_tokens_from(const Scenario& scenario);

}  // namespace crossdock::tools::bench
