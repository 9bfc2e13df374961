// What a test and the ranks that it forks tell one another.
#pragma once

#include <sys/mman.h>

#include <new>
#include <stdexcept>

namespace crossdock::testing {

/// Words (a struct of atomics) in memory that children forked later share; zero at first.
template <typename Words>
class SharedWords {
 public:
  SharedWords() {
    void* const memory = ::mmap(nullptr, sizeof(Words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
    words_ = ::new (memory) Words{};
  }
  ~SharedWords() { ::munmap(words_, sizeof(Words)); }
  SharedWords(const SharedWords&) = delete;
  SharedWords& operator=(const SharedWords&) = delete;
  Words* operator->() const { return words_; }

 private:
  Words* words_;
};

}  // namespace crossdock::testing
