#include "transport/local/mapping.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/limits.hpp"
#include "crossdock/error.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {

namespace {

[[noreturn]] void throw_refused(std::size_t bytes, int error_number) {
  if (error_number != ENOMEM) throw_system("mmap", fmt::format("{} bytes for a window", bytes), error_number);
  throw Error(ErrorCode::kSystem, fmt::format("mmap: {} bytes for a window: {}{}", bytes, error_text(error_number),
                                              base::memory_limit_behind(bytes)));
}

}  // namespace

Mapping Mapping::make(std::size_t bytes, int flags, int file) {
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, file, 0);
  if (address == MAP_FAILED) throw_refused(bytes, errno);
  return Mapping({static_cast<std::byte*>(address), bytes});
}

Mapping Mapping::anonymous(std::size_t bytes) { return make(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1); }

Mapping Mapping::shared_file(int file, std::size_t bytes) { return make(bytes, MAP_SHARED, file); }

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace crossdock::transport
