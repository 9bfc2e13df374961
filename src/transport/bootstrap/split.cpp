#include "transport/bootstrap/split.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "crossdock/error.hpp"
#include "transport/bootstrap/agreement.hpp"
#include "transport/bootstrap/directory.hpp"
#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/interface.hpp"
#include "transport/bootstrap/introduction.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/wire.hpp"

namespace crossdock::transport {
namespace {

/// What a rank tells all others.
struct Wish {
  SplitChoice choice = {};
  Introduction introduction = {};
};

std::vector<Wish> gather_wishes(Bootstrap& parent, const SplitChoice& choice, const base::Deadline& deadline) {
  const auto gathered =
      agree(parent, deadline, [&] { return bytes_of(Wish{.choice = choice, .introduction = introduce("", {})}); });
  std::vector<Wish> wishes;
  for (std::size_t rank = 0; rank < gathered.size(); ++rank) {
    wishes.push_back(struct_of<Wish>(gathered[rank], fmt::format("split: wish of rank {}", rank)));
    parse_introduction(bytes_of(wishes.back().introduction), static_cast<int>(rank));
  }
  return wishes;
}

/// The own sub-group, as every rank of the parent sees it.
struct SubGroup {
  std::vector<int> members = {};  ///< ranks of the parent
  int rank = -1;                  ///< in the sub-group; -1 where this rank has no part
  bool one_machine = true;

  int num_ranks() const { return static_cast<int>(members.size()); }
  /// One rank has nobody to meet.
  bool leads() const { return rank == 0 && num_ranks() > 1; }
};

SubGroup sub_group_of(const std::vector<Wish>& wishes, int rank) {
  std::vector<SplitChoice> choices;
  for (const Wish& wish : wishes) choices.push_back(wish.choice);
  SubGroup group{.members = members_of(choices, rank)};
  const auto machine_of = [&](int member) {
    return text_of(wishes[static_cast<std::size_t>(member)].introduction.machine);
  };
  for (int i = 0; i < group.num_ranks(); ++i) {
    const int member = group.members[static_cast<std::size_t>(i)];
    if (member == rank) group.rank = i;
    group.one_machine = group.one_machine && machine_of(member) == machine_of(rank);
  }
  return group;
}

/// Bootstraps of a sub-group of threads, for its members to fetch theirs.
using Shelf = std::vector<std::shared_ptr<Bootstrap>>;

class Listing {
 public:
  explicit Listing(int num_ranks)
      : shelf_(std::make_shared<const Shelf>(make_in_process(num_ranks))),
        number_(Directory<Shelf>::of_process().enter(shelf_)) {}
  ~Listing() { Directory<Shelf>::of_process().erase(number_); }
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  std::uint64_t number() const { return number_; }

 private:
  std::shared_ptr<const Shelf> shelf_;
  std::uint64_t number_;
};

std::shared_ptr<Bootstrap> meet_in_process(Bootstrap& parent, const SubGroup& group, const base::Deadline& deadline) {
  std::unique_ptr<Listing> listing;
  const auto offers = agree(parent, deadline, [&] {
    if (!group.leads()) return std::vector<std::byte>{};
    listing = std::make_unique<Listing>(group.num_ranks());
    return bytes_of(listing->number());
  });
  std::shared_ptr<Bootstrap> own;
  agree(parent, deadline, [&] {
    if (group.num_ranks() <= 1) return std::vector<std::byte>{};
    const auto first = static_cast<std::size_t>(group.members.front());
    const auto shelf = Directory<Shelf>::of_process().find(struct_of<std::uint64_t>(offers[first], "split: offer"));
    if (!shelf) throw Error(ErrorCode::kRankLost, fmt::format("split: rank {} gave up", first));
    own = shelf->at(static_cast<std::size_t>(group.rank));
    return std::vector<std::byte>{};
  });
  return own;
}

/// At which other machines may reach this one, the likeliest first; no machine needs more.
std::string own_addresses() {
  std::vector<std::string> addresses = reachable_addresses();
  constexpr std::size_t kMost = 16;
  addresses.resize(std::min(addresses.size(), kMost));
  return addresses.empty() ? "127.0.0.1" : fmt::format("{}", fmt::join(addresses, ","));
}

std::shared_ptr<Bootstrap> meet_by_tcp(Bootstrap& parent, const SubGroup& group, std::uint64_t token,
                                       const base::Deadline& deadline) {
  FileDescriptor listener;
  const auto offers = agree(parent, deadline, [&] {
    if (!group.leads()) return std::vector<std::byte>{};
    listener = listen_at({.address = group.one_machine ? "127.0.0.1" : "", .port = 0});
    return encode(Place{.identity = fmt::format("sub-group {:016x}", token),
                        .address = group.one_machine ? "127.0.0.1" : own_addresses(),
                        .port = static_cast<std::uint32_t>(port_of(listener))});
  });
  if (group.num_ranks() <= 1) return nullptr;
  const Place place = parse_place(offers[static_cast<std::size_t>(group.members.front())]);
  const Meeting meeting{.rank = group.rank,
                        .num_ranks = group.num_ranks(),
                        .identity = place.identity,
                        .endpoints = {{.address = place.address, .port = static_cast<int>(place.port)}},
                        .deadline = deadline.remaining()};
  return group.leads() ? make_star_root(meeting, std::move(listener)) : make_star_leaf(meeting);
}

}  // namespace

std::vector<int> members_of(std::span<const SplitChoice> choices, int rank) {
  const auto choice_of = [&](int one) -> const SplitChoice& { return choices[static_cast<std::size_t>(one)]; };
  std::vector<int> members;
  if (choice_of(rank).color < 0) return members;
  for (int other = 0; other < static_cast<int>(choices.size()); ++other) {
    if (choice_of(other).color == choice_of(rank).color) members.push_back(other);
  }
  std::ranges::sort(members, {}, [&](int member) { return std::pair(choice_of(member).key, member); });
  return members;
}

std::shared_ptr<Bootstrap> split(Bootstrap& parent, const SplitChoice& choice, std::chrono::milliseconds at_most) {
  const base::Deadline deadline(at_most);
  const std::vector<Wish> wishes = gather_wishes(parent, choice, deadline);
  const SubGroup group = sub_group_of(wishes, parent.rank());
  const std::uint64_t token = wishes[static_cast<std::size_t>(parent.rank())].introduction.token;
  auto own =
      parent.same_process() ? meet_in_process(parent, group, deadline) : meet_by_tcp(parent, group, token, deadline);
  return group.num_ranks() == 1 ? make_in_process(1).front() : own;
}

}  // namespace crossdock::transport
