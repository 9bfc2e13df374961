#include "runtime/virtual_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iterator>

#include "runtime/memory.hpp"

namespace crossdock::emulator {
namespace {

void* pointer_to(std::uintptr_t address) { return reinterpret_cast<void*>(address); }

/// Addresses that belong to nobody else, and that nobody may touch. At `begin` where it is not 0.
void* hold(std::uintptr_t begin, std::size_t bytes) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (begin == 0 ? 0 : MAP_FIXED);
  return ::mmap(pointer_to(begin), bytes, PROT_NONE, flags, -1, 0);
}

void drop(std::uintptr_t begin, std::uintptr_t end) {
  if (begin < end) ::munmap(pointer_to(begin), end - begin);
}

}  // namespace

std::shared_ptr<PhysicalMemory> PhysicalMemory::make(std::size_t bytes, int device) {
  const int file = ::memfd_create("emulated-gpu", MFD_CLOEXEC);
  if (file < 0) return nullptr;
  const std::shared_ptr<PhysicalMemory> memory(new PhysicalMemory(file, bytes, device));
  return ::ftruncate(file, static_cast<off_t>(bytes)) == 0 ? memory : nullptr;
}

std::shared_ptr<PhysicalMemory> PhysicalMemory::open(int file, int device) {
  struct stat facts{};
  if (::fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) return nullptr;
  const int own = ::fcntl(file, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return nullptr;
  return std::shared_ptr<PhysicalMemory>(new PhysicalMemory(own, static_cast<std::size_t>(facts.st_size), device));
}

PhysicalMemory::~PhysicalMemory() { ::close(file_); }

int PhysicalMemory::duplicate_file() const { return ::fcntl(file_, F_DUPFD_CLOEXEC, 0); }

AddressSpace& AddressSpace::of_process() {
  static auto* const space = new AddressSpace;
  return *space;
}

bool AddressSpace::is_in(const Ranges& ranges, std::uintptr_t begin, std::size_t bytes) {
  const auto after = ranges.upper_bound(begin);
  if (after == ranges.begin()) return false;
  const auto& [first, size] = *std::prev(after);
  return begin - first < size && bytes <= size - (begin - first);
}

bool AddressSpace::touches(const Ranges& ranges, std::uintptr_t begin, std::size_t bytes) {
  const auto after = ranges.lower_bound(begin);
  return (after != ranges.end() && after->first < begin + bytes) || is_in(ranges, begin, 1);
}

std::uintptr_t AddressSpace::reserve(std::size_t bytes, std::size_t alignment) {
  void* held = hold(0, bytes + alignment);
  if (held == MAP_FAILED) return 0;
  const auto whole = reinterpret_cast<std::uintptr_t>(held);
  const std::uintptr_t begin = (whole + alignment - 1) / alignment * alignment;
  drop(whole, begin);
  drop(begin + bytes, whole + bytes + alignment);
  const std::scoped_lock lock(mutex_);
  reserved_[begin] = bytes;
  return begin;
}

bool AddressSpace::free(std::uintptr_t begin, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto found = reserved_.find(begin);
  if (found == reserved_.end() || found->second != bytes || touches(mapped_, begin, bytes)) return false;
  reserved_.erase(found);
  drop(begin, begin + bytes);
  return true;
}

bool AddressSpace::map(std::uintptr_t begin, std::size_t bytes, const PhysicalMemory& memory) {
  const std::scoped_lock lock(mutex_);
  if (!is_in(reserved_, begin, bytes) || touches(mapped_, begin, bytes) || bytes > memory.bytes()) return false;
  const void* mapped = ::mmap(pointer_to(begin), bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, memory.file(), 0);
  if (mapped == MAP_FAILED) return false;
  mapped_[begin] = bytes;
  MemoryMap::of_process().enter(
      {.begin = begin, .bytes = bytes, .origin = Origin::kMapping, .device = memory.device()});
  return true;
}

bool AddressSpace::unmap(std::uintptr_t begin, std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  const auto found = mapped_.find(begin);
  if (found == mapped_.end() || found->second != bytes) return false;
  MemoryMap::of_process().remove(begin, Origin::kMapping);
  mapped_.erase(found);
  return hold(begin, bytes) != MAP_FAILED;
}

bool AddressSpace::set_access(std::uintptr_t begin, std::size_t bytes, int protection) {
  const std::scoped_lock lock(mutex_);
  return is_in(mapped_, begin, bytes) && ::mprotect(pointer_to(begin), bytes, protection) == 0;
}

}  // namespace crossdock::emulator
