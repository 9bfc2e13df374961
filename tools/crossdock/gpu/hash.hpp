// Results compared on the GPU with hashes that are known beforehand: nothing is read back but a verdict.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "gpu/device.hpp"

namespace crossdock::tools::gpu {

inline constexpr std::size_t kMaxHashed = 16;

/// Tensors of one repetition by place; unused ones are 0.
using Hashes = std::array<std::uint64_t, kMaxHashed>;

/// In memory of the host.
std::uint64_t hash_of(std::span<const std::byte> bytes);

/// Memory of the GPU, aligned to 4 bytes.
struct HashedMemory {
  const void* data = nullptr;
  std::size_t bytes = 0;
};

struct Verdict {
  std::uint64_t repetitions = 0;
  std::uint64_t mismatches = 0;        ///< repetitions with a tensor that differed
  std::uint64_t first_repetition = 0;  ///< of the first mismatch
  std::uint64_t first_tensors = 0;     ///< bit i: tensor i of it differed
};

struct HashState;

/// Its calls are put on the device's stream, and may be captured in a graph.
class HashCheck {
 public:
  explicit HashCheck(Device& device);

  /// Adds up tensors first, first + 1, ... of the repetition. At most kMaxHashed in all.
  void add(std::size_t first, std::span<const HashedMemory> tensors);
  /// Ends the repetition: compares with `expected`, Hashes in memory of the GPU, which is read then.
  void end(const void* expected);

  /// Waits.
  Verdict verdict();

 private:
  Device& device_;
  HashState* state_;  ///< on the GPU
};

}  // namespace crossdock::tools::gpu
