// A planted error, for tests of the checks: they have to find it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/routing/route.hpp"
#include "cpu/fast/store_rows.hpp"

namespace crossdock::engine {

/// Turns one bit of the N-th row that this rank stores for other ranks (base::flip_bit_of_row).
class PlantedBit {
 public:
  explicit PlantedBit(std::optional<std::int64_t> row) : rows_left_(row) {}

  /// After the rows of one dispatch have been stored.
  void after_store(int rank, const core::Route& route, std::span<const cpu::RowTarget> targets);

 private:
  std::optional<std::int64_t> rows_left_;
};

}  // namespace crossdock::engine
