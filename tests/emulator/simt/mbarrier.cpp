#include "simt/mbarrier.hpp"

#include "simt/fail.hpp"

namespace crossdock::emulator {

void Mbarrier::init(std::uint32_t count) {
  if (count < 1 || count > 0xFF) fail("mbarrier.init: expected 1 to 255 arrivals (the emulator's limit)");
  arrivals = static_cast<std::uint16_t>(count);
  pending = static_cast<std::uint8_t>(count);
  parity = 0;
  bytes = 0;
}

void Mbarrier::arrive_expect(std::uint32_t expected) {
  if (pending == 0) fail("mbarrier.arrive: more arrivals than the mbarrier was made for");
  bytes += static_cast<std::int32_t>(expected);
  --pending;
  end_phase_if_due();
}

void Mbarrier::complete_bytes(std::uint32_t count) {
  bytes -= static_cast<std::int32_t>(count);
  end_phase_if_due();
}

void Mbarrier::end_phase_if_due() {
  if (pending != 0 || bytes != 0) return;
  parity ^= 1U;
  pending = static_cast<std::uint8_t>(arrivals);
}

}  // namespace crossdock::emulator
