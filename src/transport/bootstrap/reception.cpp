#include "transport/bootstrap/reception.hpp"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <utility>

#include "crossdock/version.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/tcp_socket.hpp"

namespace crossdock::transport {
namespace {

// Connections that have not said hello. Real ranks do so at once; the oldest of too many are strangers.
constexpr std::size_t kMaxUnknown = 64;

}  // namespace

Reception::Reception(FileDescriptor listener, std::string identity)
    : listener_(std::move(listener)), identity_(std::move(identity)) {}

std::vector<int> Reception::sockets() const {
  std::vector<int> sockets{listener_.number()};
  for (const Channel& one : unknown_) sockets.push_back(one.socket().number());
  return sockets;
}

std::vector<Guest> Reception::take_in() {
  while (FileDescriptor socket = accept_one(listener_, !unknown_.empty())) {
    unknown_.emplace_back(std::move(socket), kMaxHelloBytes);
    if (unknown_.size() > kMaxUnknown) unknown_.pop_front();
  }
  std::vector<Guest> guests;
  for (auto one = unknown_.begin(); one != unknown_.end();) {
    one = is_over(*one, guests) ? unknown_.erase(one) : std::next(one);
  }
  return guests;
}

// True where it is known who that is. Whoever hangs up or says anything but hello is no rank.
bool Reception::is_over(Channel& unknown, std::vector<Guest>& guests) {
  if (!unknown.take_in()) return true;
  try {
    const auto frame = unknown.next();
    if (!frame) return false;
    if (frame->type != FrameType::kHello) return true;
    Hello hello = parse_hello(frame->payload, frame->version);
    if (is_of_job(hello, unknown)) {
      guests.push_back({.hello = std::move(hello), .version = frame->version, .channel = std::move(unknown)});
    }
  } catch (const Error& error) {
    ++num_turned_away_;
    last_turned_away_ = error.message();
  }
  return true;
}

bool Reception::is_of_job(const Hello& hello, Channel& unknown) {
  if (hello.identity == identity_) return true;
  ++num_turned_away_;
  last_turned_away_ =
      fmt::format("a rank of {}, where ranks of {} meet", describe_job(hello.identity), describe_job(identity_));
  const Stranger mine{.identity = identity_, .library = std::string(version())};
  unknown.send({.type = FrameType::kStranger, .payload = encode(mine)}, base::Deadline(kTellingTime));
  return false;
}

std::string Reception::describe_turned_away() const {
  if (num_turned_away_ == 0) return "";
  return fmt::format("; turned away: {} ({} in all)", last_turned_away_, num_turned_away_);
}

}  // namespace crossdock::transport
