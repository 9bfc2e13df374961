// A bootstrap that lets a third party in between.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::testing {

/// Shows what the first exchange gave to somebody else, before this rank sees it.
class Overheard final : public Bootstrap {
 public:
  using Listener = std::function<void(std::vector<std::vector<std::byte>>&)>;
  Overheard(Bootstrap& real, Listener listener) : real_(real), listener_(std::move(listener)) {}

  int rank() const override { return real_.rank(); }
  int num_ranks() const override { return real_.num_ranks(); }
  bool same_process() const override { return false; }
  std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine,
                                                 std::chrono::milliseconds deadline) override {
    auto all = real_.all_gather(mine, deadline);
    if (listener_) std::exchange(listener_, nullptr)(all);
    return all;
  }

 private:
  Bootstrap& real_;
  Listener listener_;
};

}  // namespace crossdock::testing
