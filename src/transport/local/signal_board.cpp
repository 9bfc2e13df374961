#include "transport/local/signal_board.hpp"

#include <algorithm>
#include <thread>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/math.hpp"
#include "transport/local/futex.hpp"

namespace crossdock::transport {
namespace {

void pause_core() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

// Sources write to lines of their own, so that they do not take each other's lines away.
std::size_t SignalBoard::words_a_source(int num_signals) {
  return base::round_up(static_cast<std::size_t>(num_signals), kLine / sizeof(Word));
}

std::size_t SignalBoard::Shape::bytes() const {
  return sizeof(Header) + static_cast<std::size_t>(num_ranks) * words_a_source(num_signals) * sizeof(Word);
}

// Zeroed memory is a valid board: constructing atomics in it would wipe what a faster peer has stored already.
SignalBoard::SignalBoard(void* memory, Shape shape)
    : header_(static_cast<Header*>(memory)),
      words_(reinterpret_cast<Word*>(static_cast<std::byte*>(memory) + sizeof(Header))),
      shape_(shape),
      words_a_source_(words_a_source(shape.num_signals)) {
  CROSSDOCK_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % kLine == 0);
}

SignalBoard::Word& SignalBoard::at(int source, int index) const {
  CROSSDOCK_ASSERT(source >= 0 && source < shape_.num_ranks && index >= 0 && index < shape_.num_signals);
  return words_[static_cast<std::size_t>(source) * words_a_source_ + static_cast<std::size_t>(index)];
}

void SignalBoard::set(int source, int index, std::uint64_t value) {
  // An exchange, not a store: on x86 a plain store may pass earlier non-temporal stores, a locked instruction may not.
  at(source, index).exchange(value, std::memory_order_release);
  ring();
}

// No wake-up is lost: the ringer writes doorbell, then reads sleepers; the sleeper writes sleepers, then reads
// doorbell. In the one order of seq_cst operations at least one of them sees the other's write.
void SignalBoard::ring() {
  header_->doorbell.fetch_add(1, std::memory_order_seq_cst);
  if (header_->sleepers.load(std::memory_order_seq_cst) != 0) futex_wake_all(header_->doorbell);
}

std::uint64_t SignalBoard::word(int source, int index) const {
  return at(source, index).load(std::memory_order_acquire);
}

std::uint32_t SignalBoard::ticket() const { return header_->doorbell.load(std::memory_order_acquire); }

void SignalBoard::sleep(std::uint32_t ticket, std::chrono::microseconds at_most, bool spin) {
  if (spin && spin_until_rung(ticket, std::min(at_most, kSpin))) return;
  if (at_most <= std::chrono::microseconds{0}) return;
  header_->sleepers.fetch_add(1, std::memory_order_seq_cst);
  if (header_->doorbell.load(std::memory_order_seq_cst) == ticket) futex_wait(header_->doorbell, ticket, at_most);
  header_->sleepers.fetch_sub(1, std::memory_order_relaxed);
}

bool SignalBoard::spin_until_rung(std::uint32_t ticket, std::chrono::microseconds at_most) const {
  constexpr int kPausesBetweenClocks = 8;
  const auto end = base::Clock::now() + at_most;
  do {
    for (int i = 0; i < kPausesBetweenClocks; ++i) {
      if (this->ticket() != ticket) return true;
      pause_core();
    }
  } while (base::Clock::now() < end);
  return false;
}

void SignalBoard::publish_wait(int peer) { header_->waits_for.store(peer + 1, std::memory_order_relaxed); }

int SignalBoard::waits_for() const { return header_->waits_for.load(std::memory_order_relaxed) - 1; }

void SignalBoard::mark_left() { header_->left.store(1, std::memory_order_release); }

bool SignalBoard::left() const { return header_->left.load(std::memory_order_acquire) != 0; }

}  // namespace crossdock::transport
