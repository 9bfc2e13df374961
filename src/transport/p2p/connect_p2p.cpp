#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crossdock/error.hpp"
#include "transport/bootstrap/agreement.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/p2p/devices.hpp"
#include "transport/p2p/handover.hpp"
#include "transport/p2p/peer_windows.hpp"

namespace crossdock::transport {
namespace {

struct Hello {
  DeviceId device = {};
  std::uint64_t fabric = 0;  ///< 1 = works
};

template <typename Struct>
std::vector<Struct> structs_of(const std::vector<std::vector<std::byte>>& gathered) {
  std::vector<Struct> result;
  for (const auto& bytes : gathered) result.push_back(struct_of<Struct>(bytes, "p2p start-up"));
  return result;
}

void check_options(const P2pOptions& options, int rank) {
  if (options.window_bytes == 0) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("connect, rank {}: window bytes: expected > 0, got 0", rank));
  }
}

WindowSharing choose_sharing(bool threads, const std::vector<Hello>& hellos) {
  if (threads) return WindowSharing::kAddresses;
  const bool fabric = std::ranges::all_of(hellos, [](const Hello& hello) { return hello.fabric == 1; });
  return fabric ? WindowSharing::kFabricHandles : WindowSharing::kFileDescriptors;
}

std::unique_ptr<Handover> hand_over(WindowSharing sharing, const OwnWindow& own, std::size_t bytes, int num_ranks) {
  const bool fabric = sharing == WindowSharing::kFabricHandles;
  DeviceAllocation memory =
      DeviceAllocation::make(own.device, bytes, fabric ? HandleKind::kFabric : HandleKind::kFileDescriptor);
  switch (sharing) {
    case WindowSharing::kAddresses:
      return hand_over_in_process(own, std::move(memory));
    case WindowSharing::kFabricHandles:
      return hand_over_by_fabric(own, std::move(memory));
    default:
      return hand_over_by_socket(own, std::move(memory), num_ranks);
  }
}

}  // namespace

std::unique_ptr<PeerWindows> connect_p2p(Bootstrap& bootstrap, const P2pOptions& options) {
  const base::Deadline deadline(options.deadline);
  const bool threads = bootstrap.same_process();
  const auto hellos = structs_of<Hello>(agree(bootstrap, deadline, [&] {
    check_options(options, bootstrap.rank());
    return bytes_of(Hello{.device = id_of(options.device),
                          .fabric = !threads && options.fabric && fabric_works(options.device) ? 1U : 0U});
  }));
  std::vector<DeviceId> ids;
  for (const Hello& hello : hellos) ids.push_back(hello.device);
  const WindowSharing sharing = choose_sharing(threads, hellos);

  // Whoever hands memory over keeps it until all have taken it.
  std::unique_ptr<Handover> handover;
  const auto offers = agree(bootstrap, deadline, [&] {
    check_peer_access(bootstrap.rank(), options.device, ids);
    const OwnWindow own{.rank = bootstrap.rank(), .device = options.device, .devices = visible_devices(ids)};
    handover = hand_over(sharing, own, options.window_bytes, bootstrap.num_ranks());
    return handover->offer();
  });
  std::vector<std::shared_ptr<const DeviceMapping>> windows;
  agree(bootstrap, deadline, [&] {
    windows = handover->take(offers, deadline);
    return std::vector<std::byte>{};
  });
  return std::make_unique<PeerWindows>(bootstrap.rank(), options.device, sharing, std::move(windows));
}

}  // namespace crossdock::transport
