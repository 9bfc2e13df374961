// Windows between threads of one process: the mapping itself is shared.
#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

#include "crossdock/error.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/p2p/devices.hpp"
#include "transport/p2p/handover.hpp"

namespace crossdock::transport {
namespace {

// Where a rank finds a peer's mapping by number. Numbers and not pointers cross the bootstrap: a peer whose start-up
// failed may have given its memory back by the time others look for it.
class Directory {
 public:
  static Directory& of_process() {
    static Directory directory;
    return directory;
  }

  std::uint64_t enter(const std::shared_ptr<const DeviceMapping>& mapping) {
    const std::scoped_lock lock(mutex_);
    entries_.emplace(++last_number_, mapping);
    return last_number_;
  }

  void erase(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    entries_.erase(number);
  }

  /// nullptr where it is gone.
  std::shared_ptr<const DeviceMapping> find(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(number);
    return entry == entries_.end() ? nullptr : entry->second.lock();
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, std::weak_ptr<const DeviceMapping>> entries_;
};

class InProcess : public Handover {
 public:
  InProcess(const OwnWindow& own, const DeviceAllocation& memory)
      : mapping_(std::make_shared<const DeviceMapping>(memory, own.devices)),
        number_(Directory::of_process().enter(mapping_)) {
    clear_memory(mapping_->data(), mapping_->bytes(), own.device);
  }
  ~InProcess() override { Directory::of_process().erase(number_); }
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;

  std::vector<std::byte> offer() const override { return bytes_of(number_); }

  std::vector<std::shared_ptr<const DeviceMapping>> take(const std::vector<std::vector<std::byte>>& offers,
                                                         const base::Deadline&) override {
    std::vector<std::shared_ptr<const DeviceMapping>> windows;
    for (const auto& bytes : offers) {
      windows.push_back(Directory::of_process().find(struct_of<std::uint64_t>(bytes, "window number")));
      if (!windows.back()) {
        throw Error(ErrorCode::kRankLost, fmt::format("connect: rank {} gave up", windows.size() - 1));
      }
    }
    return windows;
  }

 private:
  std::shared_ptr<const DeviceMapping> mapping_;
  std::uint64_t number_;
};

}  // namespace

std::unique_ptr<Handover> hand_over_in_process(const OwnWindow& own, DeviceAllocation memory) {
  return std::make_unique<InProcess>(own, memory);
}

}  // namespace crossdock::transport
