// Window memory that some rank may still write or read after this rank has given the call up.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "crossdock/operations.hpp"
#include "engine/control.hpp"
#include "transport/transport.hpp"

namespace crossdock::engine {

class Quarantine {
 public:
  explicit Quarantine(std::shared_ptr<transport::Transport> transport) : transport_(std::move(transport)) {}

  /// Keeps memory until each of `ranks` has set signal `index` to `tag` or later, has given up on the tag's epoch or
  /// entered a later one, or its process is gone.
  void hold(WindowBuffer memory, int index, std::uint64_t tag, std::int64_t epoch, std::span<const int> ranks);

  /// The same for memory that kernels of other ranks may still write: their hosts' word that they gave up is not
  /// enough, kernels end when the rank enters a later epoch or its process is gone.
  void hold_from_kernels(WindowBuffer memory, std::int64_t epoch, std::span<const int> ranks);

  /// Gives back what nobody can reach any more.
  void purge();

  std::size_t size() const { return held_.size(); }

 private:
  struct Held {
    WindowBuffer memory;
    int index = 0;
    std::uint64_t tag = 0;
    std::int64_t epoch = 0;
    bool by_kernels = false;
    std::vector<int> ranks;
  };

  bool is_done(const Held& held, int rank) const;

  std::shared_ptr<transport::Transport> transport_;
  std::vector<Held> held_;
};

}  // namespace crossdock::engine
