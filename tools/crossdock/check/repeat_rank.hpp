// One rank's part of many repetitions.
#pragma once

#include <cstdint>

#include "check/material.hpp"
#include "crossdock/world.hpp"
#include "gpu/hash.hpp"
#include "launch/rendezvous.hpp"

namespace crossdock::tools::check {

struct RepeatRun {
  std::int64_t repetitions = 0;
  bool graph = false;  ///< captured once, replayed
};

struct RepeatRecord {
  gpu::Verdict verdict;
  double seconds = 0;  ///< of all repetitions
};

/// GPU memory that the program itself needs.
inline constexpr std::size_t kRepeatDeviceBytes = std::size_t{2} << 30;

/// `made` is a case of plan_repetitions. Every repetition dispatches and combines one of its operations, drawn by its
/// number; outputs are poison before, and compared by hash. Throws what the library throws.
RepeatRecord run_repetitions(const Case& made, const RepeatRun& run, const World& world, Rendezvous& rendezvous,
                             gpu::Device& device);

/// "x, topk_idx": the tensors of Verdict::first_tensors.
std::string tensor_names(std::uint64_t tensors);

}  // namespace crossdock::tools::check
