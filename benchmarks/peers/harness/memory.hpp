// Memory as a careful program holds it: on a page, and touched before it is timed.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

namespace crossdock::peers {

/// Bytes that are mapped in and zero.
class Memory {
 public:
  explicit Memory(std::size_t bytes);

  std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

  template <typename Element>
  std::span<Element> as() const {
    return {reinterpret_cast<Element*>(data()), size_ / sizeof(Element)};
  }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace crossdock::peers
