// Where ranks that are threads of one process find what a peer offers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace crossdock::transport {

/// By number. Numbers and not pointers cross the bootstrap: a peer whose start-up failed may have given its memory back
/// by the time others look for it. Any thread may call anything.
template <typename Listed>
class Directory {
 public:
  static Directory& of_process() {
    static Directory directory;
    return directory;
  }

  std::uint64_t enter(const std::shared_ptr<const Listed>& listed) {
    const std::scoped_lock lock(mutex_);
    entries_.emplace(++last_number_, listed);
    return last_number_;
  }

  void erase(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    entries_.erase(number);
  }

  /// nullptr where it is gone.
  std::shared_ptr<const Listed> find(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(number);
    return entry == entries_.end() ? nullptr : entry->second.lock();
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, std::weak_ptr<const Listed>> entries_;
};

}  // namespace crossdock::transport
