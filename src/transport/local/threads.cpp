// Ranks as threads of one process.
#include <fmt/format.h>

#include <utility>

#include "transport/bootstrap/agreement.hpp"
#include "transport/bootstrap/directory.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/local/connect.hpp"
#include "transport/local/mapped_transport.hpp"
#include "transport/local/rank_memory.hpp"

namespace crossdock::transport {
namespace {

// The own memory, listed while start-up lasts.
class Listing {
 public:
  explicit Listing(const RankMemoryShape& shape)
      : memory_(std::make_shared<const Mapping>(Mapping::anonymous(shape.bytes()))),
        number_(Directory<Mapping>::of_process().enter(memory_)) {}
  ~Listing() { Directory<Mapping>::of_process().erase(number_); }
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  std::uint64_t number() const { return number_; }

 private:
  std::shared_ptr<const Mapping> memory_;
  std::uint64_t number_;
};

/// What a thread tells the others: where its memory is listed.
struct ListedMemory {
  MemoryOffer offer = {};
  std::uint64_t number = 0;
};

std::vector<MappedRank> find_all(const std::vector<ListedMemory>& introductions) {
  std::vector<MemoryOffer> offers;
  for (const ListedMemory& introduction : introductions) offers.push_back(introduction.offer);
  const std::vector<RankMemoryShape> shapes = shapes_of(offers);

  std::vector<MappedRank> ranks;
  for (std::size_t rank = 0; rank < introductions.size(); ++rank) {
    auto memory = Directory<Mapping>::of_process().find(introductions[rank].number);
    if (!memory) throw Error(ErrorCode::kRankLost, fmt::format("connect: rank {} gave up", rank));
    ranks.push_back({.memory = RankMemory(std::move(memory), shapes[rank])});
  }
  return ranks;
}

}  // namespace

void connect_threads(Bootstrap& bootstrap, const LocalOptions& options, const MakeOf& make) {
  const base::Deadline deadline(options.deadline);
  std::unique_ptr<Listing> listing;
  const auto gathered = agree(bootstrap, deadline, [&] {
    const RankMemoryShape shape{.board = {.num_ranks = bootstrap.num_ranks(), .num_signals = options.num_signals},
                                .window_bytes = options.window_bytes};
    check_shape(shape);
    listing = std::make_unique<Listing>(shape);
    return with_claim(
        bytes_of(ListedMemory{.offer = {.window_bytes = options.window_bytes, .num_signals = options.num_signals},
                              .number = listing->number()}),
        claim_cores());
  });

  agree(bootstrap, deadline, [&] {
    const auto [messages, claims] = split_claims(gathered, sizeof(ListedMemory));
    std::vector<ListedMemory> introductions;
    for (const auto& bytes : messages) introductions.push_back(struct_of<ListedMemory>(bytes, "introduction"));
    make(std::make_unique<MappedTransport>(bootstrap.rank(), find_all(introductions), claims));
    return std::vector<std::byte>{};
  });
}

}  // namespace crossdock::transport
