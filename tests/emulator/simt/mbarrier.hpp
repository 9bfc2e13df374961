// An mbarrier as it lies in a block's shared memory (PTX ISA, "mbarrier"): a phase is complete when all have arrived
// and all bytes that they expected have come.
#pragma once

#include <cstdint>

namespace crossdock::emulator {

struct Mbarrier {
  std::uint16_t arrivals = 0;  ///< of a phase
  std::uint8_t pending = 0;    ///< arrivals that the current phase still waits for
  std::uint8_t parity = 0;     ///< of the current phase
  std::int32_t bytes = 0;      ///< that it still waits for; negative where they came before they were expected

  static Mbarrier& at(std::uint64_t* word) { return *reinterpret_cast<Mbarrier*>(word); }

  void init(std::uint32_t count);
  void arrive_expect(std::uint32_t expected);
  void complete_bytes(std::uint32_t count);
  bool is_complete(std::uint32_t parity_of_phase) const { return parity != parity_of_phase; }

 private:
  void end_phase_if_due();
};
static_assert(sizeof(Mbarrier) == sizeof(std::uint64_t));

}  // namespace crossdock::emulator
