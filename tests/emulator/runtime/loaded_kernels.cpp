#include "runtime/loaded_kernels.hpp"

#include "simt/nap.hpp"
#include "simt/seed.hpp"

namespace crossdock::emulator {

LoadedKernels& LoadedKernels::of_process() {
  static auto* const kernels = new LoadedKernels;
  return *kernels;
}

void LoadedKernels::load(Device& device, const void* kernel) {
  if (has(device, kernel)) return;
  nap(next_seed());  // at times the others load and launch it in between
  device.wait();
  const std::scoped_lock lock(mutex_);
  most_dynamic_smem_.try_emplace({&device, kernel}, kUsualSmem);
}

bool LoadedKernels::has(const Device& device, const void* kernel) const {
  const std::scoped_lock lock(mutex_);
  return most_dynamic_smem_.contains({&device, kernel});
}

std::size_t LoadedKernels::most_dynamic_smem(const Device& device, const void* kernel) const {
  const std::scoped_lock lock(mutex_);
  return most_dynamic_smem_.at({&device, kernel});
}

void LoadedKernels::set_most_dynamic_smem(const Device& device, const void* kernel, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  most_dynamic_smem_[{&device, kernel}] = bytes;
}

}  // namespace crossdock::emulator
