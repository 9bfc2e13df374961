// What a device knows of the kernels that it has loaded.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

#include "runtime/device.hpp"

namespace crossdock::emulator {

/// A block's, where nobody asked for more.
inline constexpr std::size_t kUsualSmem = std::size_t{48} * 1024;

inline constexpr int kThreadsOfBlock = 1024;

/// Threads share it.
class LoadedKernels {
 public:
  static LoadedKernels& of_process();

  /// Waits for the device where the kernel is not there yet, as CUDA may: who loads one while another one waits for
  /// this thread hangs.
  void load(Device& device, const void* kernel);
  bool has(const Device& device, const void* kernel) const;

  /// Of a kernel that was loaded.
  std::size_t most_dynamic_smem(const Device& device, const void* kernel) const;
  void set_most_dynamic_smem(const Device& device, const void* kernel, std::size_t bytes);

 private:
  using Key = std::pair<const Device*, const void*>;

  mutable std::mutex mutex_;
  std::map<Key, std::size_t> most_dynamic_smem_;
};

}  // namespace crossdock::emulator
