// Windows between threads of one process: the mapping itself is shared.
#include <fmt/format.h>

#include <utility>

#include "crossdock/error.hpp"
#include "transport/bootstrap/directory.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/p2p/devices.hpp"
#include "transport/p2p/handover.hpp"

namespace crossdock::transport {
namespace {

class InProcess : public Handover {
 public:
  InProcess(const OwnWindow& own, const DeviceAllocation& memory)
      : mapping_(std::make_shared<const DeviceMapping>(memory, own.devices)),
        number_(Directory<DeviceMapping>::of_process().enter(mapping_)) {
    clear_memory(mapping_->data(), mapping_->bytes(), own.device);
  }
  ~InProcess() override { Directory<DeviceMapping>::of_process().erase(number_); }
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;

  std::vector<std::byte> offer() const override { return bytes_of(number_); }

  std::vector<std::shared_ptr<const DeviceMapping>> take(const std::vector<std::vector<std::byte>>& offers,
                                                         const base::Deadline& /*deadline*/) override {
    std::vector<std::shared_ptr<const DeviceMapping>> windows;
    for (const auto& bytes : offers) {
      windows.push_back(Directory<DeviceMapping>::of_process().find(struct_of<std::uint64_t>(bytes, "window number")));
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
