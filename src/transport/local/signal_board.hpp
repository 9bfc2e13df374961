// Where the signals to one rank arrive: a word a (source, index), and one doorbell that all of them ring.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace crossdock::transport {

/// A view of memory that starts as zeros and may be shared between processes: sources and the owner each hold one over
/// their own mapping. Any thread may call anything.
class SignalBoard {
 public:
  struct Shape {
    int num_ranks = 0;
    int num_signals = 0;  ///< words a source

    std::size_t bytes() const;
  };

  /// `memory` holds shape.bytes() bytes, aligned to kLine.
  SignalBoard(void* memory, Shape shape);

  // A source's side.
  /// Release: whoever reads the value sees everything this thread stored before, non-temporal stores included.
  void set(int source, int index, std::uint64_t value);
  /// Ends the owner's sleep.
  void ring();

  // The owner's side.
  std::uint64_t word(int source, int index) const;
  std::uint32_t ticket() const;
  /// Spins for kSpin at most where `spin`, then sleeps.
  void sleep(std::uint32_t ticket, std::chrono::microseconds at_most, bool spin);
  void publish_wait(int peer);
  void mark_left();

  // Anybody's.
  int waits_for() const;
  bool left() const;

  /// Two cache lines: the prefetcher fetches them in pairs.
  static constexpr std::size_t kLine = 128;
  /// A wake-up through the kernel costs 5-10 us, and around 50 where a virtual machine's core has halted; spinning
  /// longer than a few of them only takes cores from others.
  static constexpr std::chrono::microseconds kSpin{100};

 private:
  using Word = std::atomic<std::uint64_t>;
  static_assert(Word::is_always_lock_free && sizeof(Word) == 8);

  struct Header {
    alignas(kLine) std::atomic<std::uint32_t> doorbell;  ///< counts signals
    alignas(kLine) std::atomic<std::uint32_t> sleepers;
    alignas(kLine) std::atomic<std::int32_t> waits_for;  ///< peer + 1, so that zeroed memory means nobody
    std::atomic<std::uint32_t> left;
  };

  static std::size_t words_a_source(int num_signals);
  Word& at(int source, int index) const;
  bool spin_until_rung(std::uint32_t ticket, std::chrono::microseconds at_most) const;

  Header* header_;
  Word* words_;
  Shape shape_;
  std::size_t words_a_source_;
};

}  // namespace crossdock::transport
