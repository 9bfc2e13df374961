// An open file that is closed with its owner.
#pragma once

#include <utility>

#include "base/process_mark.hpp"

namespace crossdock::transport {

/// A fork closes the child's copies at once: a connection that a child kept open would hide that its parent has ended.
/// What copies are left of the objects hold no file.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number);
  FileDescriptor(FileDescriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)), process_(other.process_) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    std::swap(process_, other.process_);
    return *this;
  }
  ~FileDescriptor();

  /// -1 where there is none.
  int number() const { return process_.is_inherited() ? -1 : number_; }
  explicit operator bool() const { return number() >= 0; }

 private:
  int number_ = -1;
  base::ProcessMark process_;
};

}  // namespace crossdock::transport
