#include <algorithm>

#include "gpu/cuda_call.hpp"
#include "gpu/hash.hpp"
#include "gpu/hash_word.hpp"
#include "gpu/launch.hpp"

namespace crossdock::tools::gpu {

struct HashState {
  unsigned long long sums[kMaxHashed];
  unsigned long long repetitions;
  unsigned long long mismatches;
  unsigned long long first_repetition;
  unsigned long long first_tensors;
};

namespace {

constexpr int kThreads = 256;
constexpr int kMaxBlocks = 32;

struct Tensors {
  HashedMemory list[kMaxHashed];
  std::size_t first;
};

__device__ std::uint64_t tail_word(const std::byte* from, std::size_t bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes; ++i) word |= static_cast<std::uint64_t>(from[i]) << (8 * i);
  return word;
}

/// Tensors may lie at any multiple of 4 bytes.
__device__ std::uint64_t load_word(const std::byte* from) {
  const auto* halves = reinterpret_cast<const std::uint32_t*>(from);
  return __ldcg(halves) | static_cast<std::uint64_t>(__ldcg(halves + 1)) << 32;
}

/// Block (x, y): a part of tensor y.
__global__ void __launch_bounds__(kThreads) add_tensors(Tensors tensors, unsigned long long* sums) {
  const HashedMemory& tensor = tensors.list[blockIdx.y];
  const auto* data = static_cast<const std::byte*>(tensor.data);
  const std::size_t whole = tensor.bytes / 8;
  unsigned long long sum = 0;
  for (std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x; i < whole;
       i += std::size_t{gridDim.x} * kThreads) {
    sum += hash_word(load_word(data + 8 * i), i);
  }
  if (blockIdx.x == 0 && threadIdx.x == 0 && tensor.bytes % 8 != 0) {
    sum += hash_word(tail_word(data + 8 * whole, tensor.bytes % 8), whole);
  }
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_down_sync(~0U, sum, distance);
  if (threadIdx.x % 32 == 0 && sum != 0) atomicAdd(&sums[tensors.first + blockIdx.y], sum);
}

/// One warp.
__global__ void end_repetition(HashState* state, const std::uint64_t* expected) {
  const unsigned lane = threadIdx.x;
  const bool differs = lane < kMaxHashed && state->sums[lane] != expected[lane];
  const unsigned tensors = __ballot_sync(~0U, differs);
  if (lane < kMaxHashed) state->sums[lane] = 0;
  if (lane != 0) return;
  if (tensors != 0 && state->mismatches++ == 0) {
    state->first_repetition = state->repetitions;
    state->first_tensors = tensors;
  }
  ++state->repetitions;
}

}  // namespace

HashCheck::HashCheck(Device& device)
    : device_(device), state_(static_cast<HashState*>(device.take(sizeof(HashState)))) {
  device_.fill(state_, std::byte{0}, sizeof(HashState));
  load("add_tensors", add_tensors);
  load("end_repetition", end_repetition);
}

void HashCheck::add(std::size_t first, std::span<const HashedMemory> tensors) {
  if (tensors.empty()) return;
  Tensors args{};
  args.first = first;
  std::size_t most = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    args.list[i] = tensors[i];
    most = std::max(most, tensors[i].bytes);
  }
  const std::size_t blocks = std::clamp<std::size_t>(most / (8 * kThreads * 4), 1, kMaxBlocks);
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(tensors.size()));
  launch("add_tensors", add_tensors, {.blocks = grid, .threads = kThreads}, as_stream(device_.stream()), args,
         state_->sums);
}

void HashCheck::end(const void* expected) {
  launch("end_repetition", end_repetition, {.threads = 32}, as_stream(device_.stream()), state_,
         static_cast<const std::uint64_t*>(expected));
}

Verdict HashCheck::verdict() {
  HashState state{};
  device_.download(&state, state_, sizeof(state));
  return {.repetitions = state.repetitions,
          .mismatches = state.mismatches,
          .first_repetition = state.first_repetition,
          .first_tensors = state.first_tensors};
}

}  // namespace crossdock::tools::gpu
