#include "harness/memory.hpp"

#include <cstring>
#include <new>

namespace crossdock::peers {

Memory::Memory(std::size_t bytes) : size_(bytes) {
  constexpr std::size_t kPage = 4096;
  const std::size_t pages = (bytes + kPage - 1) / kPage + 1;
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(kPage, pages * kPage)));
  if (!data_) throw std::bad_alloc();
  std::memset(data_.get(), 0, pages * kPage);
}

}  // namespace crossdock::peers
