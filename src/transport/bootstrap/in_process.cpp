#include "transport/bootstrap/in_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/process_mark.hpp"
#include "crossdock/error.hpp"
#include "transport/rank_list.hpp"

namespace crossdock::transport {
namespace {

using Bytes = std::vector<std::byte>;

/// Where the threads meet. An exchange is a round; a round cannot end without everybody, so the result of one stays
/// until all have read it and come back.
class Hub {
 public:
  explicit Hub(int num_ranks)
      : num_ranks_(static_cast<std::size_t>(num_ranks)), pending_(num_ranks_), gone_(num_ranks_, false) {}

  // In a forked child the waiters that a copy knows of do not exist, and its end would wait for them.
  ~Hub() {
    if (process_.is_inherited()) std::construct_at(&changed_);
  }
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  int num_ranks() const { return static_cast<int>(num_ranks_); }

  std::vector<Bytes> all_gather(int rank, std::span<const std::byte> mine, std::chrono::milliseconds at_most) {
    const base::Deadline deadline(at_most);
    std::unique_lock lock(mutex_);
    throw_if_failed(rank);
    auto& own = pending_[static_cast<std::size_t>(rank)];
    CROSSDOCK_ASSERT(!own);
    own.emplace(mine.begin(), mine.end());
    const std::uint64_t round = round_;
    fail_if_one_is_gone();
    if (missing().empty()) finish_round();
    while (round_ == round && !failure_) {
      if (changed_.wait_for(lock, deadline.remaining()) == std::cv_status::timeout && deadline.expired()) break;
    }
    if (round_ == round) {
      fail(ErrorCode::kDeadlineExceeded, fmt::format("did not appear within {} ms", at_most.count()), missing());
      throw_if_failed(rank);
    }
    return result_;
  }

  void leave(int rank) {
    const std::scoped_lock lock(mutex_);
    gone_[static_cast<std::size_t>(rank)] = true;
    const bool awaited = std::ranges::any_of(pending_, [](const auto& bytes) { return bytes.has_value(); });
    if (awaited) fail_if_one_is_gone();
  }

 private:
  struct Failure {
    ErrorCode code = ErrorCode::kRankLost;
    std::string message = {};
    int peer = -1;
  };

  std::vector<int> missing() const {
    std::vector<int> ranks;
    for (std::size_t rank = 0; rank < num_ranks_; ++rank) {
      if (!pending_[rank]) ranks.push_back(static_cast<int>(rank));
    }
    return ranks;
  }

  void finish_round() {
    result_.clear();
    for (auto& bytes : pending_) result_.push_back(*std::exchange(bytes, std::nullopt));
    ++round_;
    changed_.notify_all();
  }

  void fail_if_one_is_gone() {
    std::vector<int> lost = missing();
    std::erase_if(lost, [this](int rank) { return !gone_[static_cast<std::size_t>(rank)]; });
    if (!lost.empty()) fail(ErrorCode::kRankLost, "left", lost);
  }

  void fail(ErrorCode code, const std::string& what, const std::vector<int>& ranks) {
    if (!failure_) {
      failure_ = Failure{
          .code = code, .message = fmt::format("bootstrap: {} {}", describe_ranks(ranks), what), .peer = ranks.front()};
    }
    changed_.notify_all();
  }

  void throw_if_failed(int rank) const {
    if (!failure_) return;
    throw Error(failure_->code, failure_->message,
                {.operation = "bootstrap", .phase = "all_gather", .rank = rank, .peer = failure_->peer});
  }

  const base::ProcessMark process_;
  const std::size_t num_ranks_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t round_ = 0;
  std::vector<std::optional<Bytes>> pending_;
  std::vector<Bytes> result_;
  std::vector<bool> gone_;
  std::optional<Failure> failure_;
};

class InProcess final : public Bootstrap {
 public:
  InProcess(std::shared_ptr<Hub> hub, int rank) : hub_(std::move(hub)), rank_(rank) {}
  ~InProcess() override {
    if (!is_inherited()) hub_->leave(rank_);
  }
  InProcess(const InProcess&) = delete;
  InProcess& operator=(const InProcess&) = delete;

  int rank() const override { return rank_; }
  int num_ranks() const override { return hub_->num_ranks(); }
  bool same_process() const override { return true; }
  std::vector<Bytes> all_gather(std::span<const std::byte> mine, std::chrono::milliseconds deadline) override {
    check_process();
    return hub_->all_gather(rank_, mine, deadline);
  }

 private:
  std::shared_ptr<Hub> hub_;
  int rank_;
};

}  // namespace

std::vector<std::shared_ptr<Bootstrap>> make_in_process(int num_ranks) {
  if (num_ranks < 1 || num_ranks > kMostRanks) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("number of ranks: expected [1, {}], got {}", kMostRanks, num_ranks));
  }
  const auto hub = std::make_shared<Hub>(num_ranks);
  std::vector<std::shared_ptr<Bootstrap>> all;
  for (int rank = 0; rank < num_ranks; ++rank) all.push_back(std::make_shared<InProcess>(hub, rank));
  return all;
}

}  // namespace crossdock::transport
