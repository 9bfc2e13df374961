#include "transport/bootstrap/meet_by_pmi.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <atomic>
#include <exception>
#include <utility>

#include "transport/bootstrap/interface.hpp"
#include "transport/bootstrap/published.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/tcp.hpp"
#include "transport/launcher/pmi.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

// A key is put once, and a program may make several worlds; all ranks make them in the same order.
std::string next_key() {
  static std::atomic<int> worlds{0};
  return fmt::format("crossdock-{}", worlds++);
}

std::string random_identity() {
  std::array<std::uint64_t, 2> bits{};
  if (::getrandom(bits.data(), sizeof(bits), 0) != sizeof(bits)) throw_system("getrandom");
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

std::string published_address(const Meeting& meeting) {
  if (!meeting.interface.empty()) return address_of_interface(meeting.interface);
  if (const std::string& own = meeting.endpoints.front().address; !own.empty()) return own;
  std::string all;
  // What a value of the store has room for.
  constexpr std::size_t kMostBytes = 300;
  for (const std::string& address : reachable_addresses()) {
    if (all.size() + 1 + address.size() > kMostBytes) break;
    all += (all.empty() ? "" : ",") + address;
  }
  return all.empty() ? "127.0.0.1" : all;
}

void publish(Pmi& pmi, const std::string& key, const Frame& frame) {
  pmi.put(key, to_text(frame));
  pmi.barrier();
}

void publish_failure(Pmi& pmi, const std::string& key, const Error& error) {
  Failure failure{.code = error.code(), .peer = 0, .text = std::string(error.message())};
  const std::size_t most = pmi.max_value_bytes() / 2 - kFrameHeaderBytes - encode(Failure{}).size();
  failure.text.resize(std::min(failure.text.size(), most));
  publish(pmi, key, {.type = FrameType::kFailure, .payload = encode(failure)});
}

std::shared_ptr<Bootstrap> meet_as_root(Meeting meeting, Pmi& pmi, const std::string& key,
                                        const base::Deadline& deadline) {
  FileDescriptor listener;
  try {
    listener = listen_for(meeting);
    meeting.identity = random_identity();
    const Place place{.identity = meeting.identity,
                      .address = published_address(meeting),
                      .port = static_cast<std::uint32_t>(port_of(listener))};
    publish(pmi, key, {.type = FrameType::kPlace, .payload = encode(place)});
  } catch (const Error& error) {
    if (!listener) publish_failure(pmi, key, error);
    throw;
  }
  meeting.deadline = deadline.remaining();
  return make_star_root(meeting, std::move(listener));
}

std::shared_ptr<Bootstrap> meet_as_leaf(Meeting meeting, Pmi& pmi, const std::string& key,
                                        const base::Deadline& deadline) {
  pmi.barrier();
  const Frame frame = frame_of_text(pmi.get(key));
  if (frame.type == FrameType::kFailure) throw error_of(parse_failure(frame.payload), "connect", meeting.rank);
  if (frame.type != FrameType::kPlace) {
    throw Error(ErrorCode::kInvalidArgument, "PMI: expected where rank 0 listens, got something else");
  }
  const Place place = parse_place(frame.payload);
  meeting.identity = place.identity;
  meeting.endpoints = {{.address = place.address, .port = static_cast<int>(place.port)}};
  meeting.deadline = deadline.remaining();
  return make_star_leaf(meeting);
}

}  // namespace

std::shared_ptr<Bootstrap> meet_by_pmi(Meeting meeting, int pmi_fd) {
  check(meeting);
  const base::Deadline deadline(meeting.deadline);
  Pmi pmi(pmi_fd, deadline);
  const std::string key = next_key();
  return meeting.rank == 0 ? meet_as_root(std::move(meeting), pmi, key, deadline)
                           : meet_as_leaf(std::move(meeting), pmi, key, deadline);
}

}  // namespace crossdock::transport
