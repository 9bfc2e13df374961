// Windows between processes of one NVLink domain, whatever their hosts: a handle is 64 bytes that cross the bootstrap.
#include <array>
#include <bit>

#include "transport/bootstrap/wire.hpp"
#include "transport/p2p/devices.hpp"
#include "transport/p2p/handover.hpp"

namespace crossdock::transport {
namespace {

struct Offer {
  std::array<unsigned char, sizeof(CUmemFabricHandle)> handle = {};
  std::uint64_t bytes = 0;
};

class ByFabric : public Handover {
 public:
  ByFabric(const OwnWindow& own, const DeviceAllocation& memory)
      : own_(own),
        mapping_(std::make_shared<const DeviceMapping>(memory, own.devices)),
        offer_{.handle = std::bit_cast<decltype(Offer::handle)>(memory.export_fabric()), .bytes = memory.bytes()} {
    clear_memory(mapping_->data(), mapping_->bytes(), own.device);
  }

  std::vector<std::byte> offer() const override { return bytes_of(offer_); }

  std::vector<std::shared_ptr<const DeviceMapping>> take(const std::vector<std::vector<std::byte>>& offers,
                                                         const base::Deadline& /*deadline*/) override {
    std::vector<std::shared_ptr<const DeviceMapping>> windows;
    for (const auto& bytes : offers) {
      if (static_cast<int>(windows.size()) == own_.rank) {
        windows.push_back(mapping_);
        continue;
      }
      const auto theirs = struct_of<Offer>(bytes, "fabric offer");
      const auto memory = DeviceAllocation::import(std::bit_cast<CUmemFabricHandle>(theirs.handle), theirs.bytes);
      windows.push_back(std::make_shared<const DeviceMapping>(memory, std::vector<int>{own_.device}));
    }
    return windows;
  }

 private:
  OwnWindow own_;
  std::shared_ptr<const DeviceMapping> mapping_;
  Offer offer_;
};

}  // namespace

std::unique_ptr<Handover> hand_over_by_fabric(const OwnWindow& own, DeviceAllocation memory) {
  return std::make_unique<ByFabric>(own, memory);
}

}  // namespace crossdock::transport
