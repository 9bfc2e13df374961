#include "runtime/launch.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "runtime/capture.hpp"
#include "runtime/error.hpp"
#include "runtime/loaded_kernels.hpp"

namespace crossdock::emulator {
namespace {

bool is_between(std::uint64_t low, std::uint64_t value, std::uint64_t high) { return low <= value && value <= high; }

bool is_shape_valid(const cudaLaunchConfig_t& config) {
  constexpr std::uint64_t kMostBlocks = 0x7FFF'FFFF;
  constexpr std::uint64_t kMostBlocksYz = 0xFFFF;
  constexpr std::uint64_t kMostThreadsZ = 64;
  const dim3& grid = config.gridDim;
  const dim3& block = config.blockDim;
  return is_between(1, grid.x, kMostBlocks) && is_between(1, grid.y, kMostBlocksYz) &&
         is_between(1, grid.z, kMostBlocksYz) && is_between(1, block.z, kMostThreadsZ) &&
         is_between(1, block.x, kThreadsOfBlock) && is_between(1, block.y, kThreadsOfBlock) &&
         is_between(1, std::uint64_t{block.x} * block.y * block.z, kThreadsOfBlock);
}

std::span<const cudaLaunchAttribute> attributes_of(const cudaLaunchConfig_t& config) {
  return {config.attrs, config.attrs == nullptr ? 0 : config.numAttrs};
}

bool is_known(const cudaLaunchAttribute& attribute) {
  return attribute.id == cudaLaunchAttributeProgrammaticStreamSerialization;
}

bool overlaps(const cudaLaunchConfig_t& config) {
  return std::ranges::any_of(attributes_of(config), [](const cudaLaunchAttribute& attribute) {
    return attribute.val.programmaticStreamSerializationAllowed != 0;
  });
}

cudaError_t check(const cudaLaunchConfig_t& config, const Stream& stream, const void* kernel) {
  if (&stream.device() != &current_device()) return cudaErrorInvalidResourceHandle;
  if (!is_shape_valid(config)) return cudaErrorInvalidConfiguration;
  if (!std::ranges::all_of(attributes_of(config), is_known)) return cudaErrorInvalidValue;
  const std::size_t most = LoadedKernels::of_process().most_dynamic_smem(stream.device(), kernel);
  return config.dynamicSmemBytes <= most ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t launch_checked(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> body) {
  const auto stream = stream_of(config.stream);
  if (!stream) return cudaErrorInvalidResourceHandle;
  if (kernel == nullptr) return cudaErrorInvalidDeviceFunction;
  LoadedKernels::of_process().load(stream->device(), kernel);
  const cudaError_t failed = check(config, *stream, kernel);
  if (failed != cudaSuccess) return failed;
  const Kernel launched{.sms = &stream->device().sms(),
                        .launch = {.grid = config.gridDim,
                                   .block = config.blockDim,
                                   .smem_bytes = config.dynamicSmemBytes,
                                   .may_overlap = overlaps(config),
                                   .body = std::move(body)},
                        .overlaps = overlaps(config)};
  return submit(*stream, [launched] { return launched; });
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> body) {
  return answer(launch_checked(config, kernel, std::move(body)));
}

}  // namespace crossdock::emulator
