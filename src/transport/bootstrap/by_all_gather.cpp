#include "transport/bootstrap/by_all_gather.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/clock.hpp"
#include "crossdock/error.hpp"
#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

using Bytes = std::vector<std::byte>;

// Of all ranks together, as over TCP.
constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;

/// What every exchange begins with: how many bytes will follow, and enough to see that the callback is right.
struct Announcement {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::int32_t num_ranks = 0;
  std::int32_t rank = 0;
  std::uint32_t round = 0;
  std::uint64_t num_bytes = 0;
  std::uint64_t process = 0;  ///< drawn by lot once a process; a fork has its parent's
  std::int64_t pid = 0;

  static constexpr std::uint64_t kMagic = 0x4741'4c4b'434f'4458;  // "XDOCKLAG"
  static constexpr std::uint32_t kVersion = 1;
};

static_assert(sizeof(Announcement) == 48, "docs/formats/all-gather.md says so");

std::uint64_t number_of_process() {
  static const std::uint64_t number = [] {
    std::uint64_t drawn = 0;
    if (::getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn)) throw_system("getrandom");
    return drawn;
  }();
  return number;
}

class ByAllGather final : public Bootstrap {
 public:
  ByAllGather(int rank, int num_ranks, AllGather all_gather, std::chrono::milliseconds at_most)
      : rank_(rank), num_ranks_(num_ranks), all_gather_(std::move(all_gather)) {
    const std::vector<Announcement> all = announce(0, at_most);
    same_process_ = std::ranges::all_of(
        all, [&](const Announcement& one) { return one.process == all.front().process && one.pid == all.front().pid; });
  }

  int rank() const override { return rank_; }
  int num_ranks() const override { return num_ranks_; }
  bool same_process() const override { return same_process_; }

  std::vector<Bytes> all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) override {
    const base::Deadline deadline(at_most);
    const std::vector<Announcement> sizes = announce(mine.size(), at_most);
    const std::uint64_t largest = std::ranges::max(sizes, {}, &Announcement::num_bytes).num_bytes;
    if (largest > kMaxBytes / static_cast<std::uint64_t>(num_ranks_)) {
      fail(ErrorCode::kInvalidArgument, fmt::format("expected at most {} bytes of {} ranks together, got {} of one",
                                                    kMaxBytes, num_ranks_, largest));
    }
    Bytes padded(mine.begin(), mine.end());
    padded.resize(largest);
    const Bytes gathered = largest > 0 ? exchange(padded, deadline.remaining()) : Bytes{};
    std::vector<Bytes> all;
    for (std::size_t rank = 0; rank < sizes.size(); ++rank) {
      const auto begin = gathered.begin() + static_cast<std::ptrdiff_t>(rank * largest);
      all.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(sizes[rank].num_bytes));
    }
    return all;
  }

 private:
  std::vector<Announcement> announce(std::uint64_t num_bytes, std::chrono::milliseconds at_most) {
    const Announcement mine{.num_ranks = num_ranks_,
                            .rank = rank_,
                            .round = round_++,
                            .num_bytes = num_bytes,
                            .process = number_of_process(),
                            .pid = ::getpid()};
    const Bytes gathered = exchange(bytes_of(mine), at_most);
    std::vector<Announcement> all(static_cast<std::size_t>(num_ranks_));
    std::memcpy(all.data(), gathered.data(), gathered.size());
    for (int rank = 0; rank < num_ranks_; ++rank) check(all[static_cast<std::size_t>(rank)], rank, mine);
    return all;
  }

  /// The callback, with equal sizes; what it throws passes through.
  Bytes exchange(const Bytes& mine, std::chrono::milliseconds at_most) {
    Bytes all(mine.size() * static_cast<std::size_t>(num_ranks_));
    all_gather_(mine, all, at_most);
    if (!std::ranges::equal(mine, std::span(all).subspan(mine.size() * static_cast<std::size_t>(rank_), mine.size()))) {
      fail(ErrorCode::kInvalidArgument,
           fmt::format("expected this rank's own bytes at its place, {} of {}, got others", rank_, num_ranks_));
    }
    return all;
  }

  void check(const Announcement& one, int rank, const Announcement& mine) const {
    if (one.magic != Announcement::kMagic || one.version != Announcement::kVersion) {
      fail(ErrorCode::kInvalidArgument, fmt::format("expected version {} of this library at place {}, got something "
                                                    "else",
                                                    Announcement::kVersion, rank));
    }
    if (one.num_ranks != num_ranks_) {
      fail(ErrorCode::kOptionsMismatch,
           fmt::format("number of ranks: expected the same on all, got {} on rank {} and {} on rank {}", num_ranks_,
                       rank_, one.num_ranks, one.rank));
    }
    if (one.rank != rank) {
      fail(ErrorCode::kInvalidArgument,
           fmt::format("expected the bytes of rank {} at place {}, got those of rank {}", rank, rank, one.rank));
    }
    if (one.round != mine.round) {
      fail(ErrorCode::kInvalidArgument,
           fmt::format("expected exchange {} of rank {}, got exchange {}", mine.round, rank, one.round));
    }
  }

  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, "all_gather callback: " + what, {.operation = "bootstrap", .phase = "all_gather", .rank = rank_});
  }

  int rank_;
  int num_ranks_;
  AllGather all_gather_;
  std::uint32_t round_ = 0;
  bool same_process_ = false;
};

}  // namespace

std::shared_ptr<Bootstrap> make_by_all_gather(int rank, int num_ranks, AllGather all_gather,
                                              std::chrono::milliseconds deadline) {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, "World::from_all_gather: " + what);
  };
  if (num_ranks < 1) refuse(fmt::format("number of ranks: expected 1 or more, got {}", num_ranks));
  if (rank < 0 || rank >= num_ranks) refuse(fmt::format("rank: expected [0, {}], got {}", num_ranks - 1, rank));
  if (!all_gather) refuse("all_gather: expected a function, got none");
  if (num_ranks == 1) return make_in_process(1).front();
  return std::make_shared<ByAllGather>(rank, num_ranks, std::move(all_gather), deadline);
}

}  // namespace crossdock::transport
