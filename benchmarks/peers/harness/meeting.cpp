#include "harness/meeting.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace crossdock::peers {
namespace {

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  return ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

}  // namespace

Meeting::Meeting(const std::string& path, int rank, int num_ranks) : rank_(rank), num_ranks_(num_ranks) {
  if (num_ranks > kMaxRanks) throw std::invalid_argument("more ranks than a meeting holds");
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::generic_category(), path);
  void* page = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  const int error = errno;
  ::close(file);
  if (page == MAP_FAILED) throw std::system_error(error, std::generic_category(), path);
  page_ = static_cast<Page*>(page);
  wait();
}

Meeting::~Meeting() { ::munmap(page_, kBytes); }

void Meeting::wait() {
  const std::uint32_t turn = page_->turn.load(std::memory_order_acquire);
  if (page_->arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(num_ranks_)) {
    page_->arrived.store(0, std::memory_order_relaxed);
    page_->turn.store(turn + 1, std::memory_order_release);
    futex(page_->turn, FUTEX_WAKE, INT_MAX);
    return;
  }
  while (page_->turn.load(std::memory_order_acquire) == turn) futex(page_->turn, FUTEX_WAIT, turn);
}

void Meeting::say(const std::string& line) {
  if (line.size() >= page_->line.size()) throw std::invalid_argument("line too long: " + line);
  std::memcpy(page_->line.data(), line.c_str(), line.size() + 1);
}

std::string Meeting::heard() const { return page_->line.data(); }

std::int64_t Meeting::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Meeting::spin_until(std::int64_t moment) {
  while (now() < moment) {
  }
}

std::int64_t Meeting::latest_start() const { return *std::max_element(page_->start, page_->start + num_ranks_); }

std::int64_t Meeting::longest() const {
  return *std::max_element(page_->end, page_->end + num_ranks_) -
         *std::min_element(page_->begin, page_->begin + num_ranks_);
}

}  // namespace crossdock::peers
