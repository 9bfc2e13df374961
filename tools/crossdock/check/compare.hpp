// Byte by byte against the reference.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "crossdock/operations.hpp"
#include "crossdock/reference.hpp"

namespace crossdock::tools::check {

/// Collects what differs, and counts what was looked at.
class Comparison {
 public:
  /// Without a count of traffic every Traffic is -1.
  explicit Comparison(bool counts_traffic = true) : counts_traffic_(counts_traffic) {}

  /// Type, shape, strides and every byte between the first element and the last, gaps included: where nothing may be
  /// written both hold poison. NaNs are equal whatever their payload.
  void tensor(std::string_view name, const ConstTensorView& got, const reference::Tensor& expected);
  /// Memory that nobody may have written.
  void poison(std::string_view name, const std::byte* memory, std::size_t bytes);
  void number(std::string_view name, std::int64_t got, std::int64_t expected);

  void dispatched(std::string_view name, const DispatchResult& got, const reference::Dispatched& expected);
  void combined(std::string_view name, const CombineResult& got, const reference::Combined& expected);

  void differs(std::string text);

  std::size_t bytes() const { return bytes_; }
  bool equal() const { return num_differences_ == 0; }
  /// One line: the first differences.
  std::string summary() const;

 private:
  void traffic(std::string_view name, const Traffic& got, const Traffic& expected);
  bool same_form(std::string_view name, const ConstTensorView& got, const ConstTensorView& expected);

  bool counts_traffic_;
  std::size_t bytes_ = 0;
  std::size_t num_differences_ = 0;
  std::vector<std::string> first_;
};

}  // namespace crossdock::tools::check
