// Stacks for fibers, used again by the next ones on the same thread of the processor.
#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>

namespace crossdock::emulator {

class Stack {
 public:
  Stack();
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// The lowest byte.
  void* begin() const { return memory_; }
  static std::size_t size();
  /// As Boost.Context wants it.
  boost::context::stack_context context() const;

 private:
  void* memory_;
};

}  // namespace crossdock::emulator
