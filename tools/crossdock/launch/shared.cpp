#include "launch/shared.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

#include "crossdock/error.hpp"
#include "errno_text.hpp"

namespace crossdock::tools {

SharedMemory::SharedMemory(std::size_t bytes) : bytes_(std::max<std::size_t>(bytes, 1)) {
  data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data_ == MAP_FAILED) {
    throw Error(ErrorCode::kSystem, fmt::format("mmap of {} shared bytes: {}", bytes_, errno_text()));
  }
}

SharedMemory::~SharedMemory() { munmap(data_, bytes_); }

}  // namespace crossdock::tools
