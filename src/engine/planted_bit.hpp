// A planted error, for tests of the checks: they have to find it. Builds with CROSSDOCK_FAULT_INJECTION have it; in all
// others it is an empty type.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/routing/route.hpp"
#include "cpu/fast/store_rows.hpp"

namespace crossdock::engine {

#if CROSSDOCK_FAULT_INJECTION

/// CROSSDOCK_FLIP_BIT=N turns one bit of the N-th row (from 0) that this rank stores for other ranks.
class PlantedBit {
 public:
  /// Throws Error where the variable is not an integer of at least 0.
  PlantedBit();

  /// After the rows of one dispatch have been stored.
  void after_store(int rank, const core::Route& route, std::span<const cpu::RowTarget> targets);

 private:
  std::optional<std::int64_t> rows_left_;
};

#else

struct PlantedBit {
  void after_store(int, const core::Route&, std::span<const cpu::RowTarget>) {}
};

#endif

}  // namespace crossdock::engine
