#include "launch/shared.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "crossdock/error.hpp"

namespace crossdock::tools {

SharedMemory::SharedMemory(std::size_t bytes) : bytes_(std::max<std::size_t>(bytes, 1)) {
  data_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data_ == MAP_FAILED) {
    throw Error(ErrorCode::kSystem, fmt::format("mmap of {} shared bytes: {}", bytes_, std::strerror(errno)));
  }
}

SharedMemory::~SharedMemory() { munmap(data_, bytes_); }

}  // namespace crossdock::tools
