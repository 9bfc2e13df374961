#include "transport/system/cores.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <thread>

#include "base/math.hpp"
#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

constexpr std::size_t kWordBits = 64;
constexpr std::uint64_t kWhole = 1000;  // thousandths of a core

/// The first `count` cores.
std::vector<std::uint64_t> first_cores(unsigned count) {
  std::vector<std::uint64_t> mask(base::div_up<std::size_t>(count, kWordBits));
  for (std::size_t core = 0; core < count; ++core) mask[core / kWordBits] |= std::uint64_t{1} << core % kWordBits;
  return mask;
}

/// The kernel refuses a mask that is smaller than its own; how large that is it does not say.
std::vector<std::uint64_t> allowed_cores() {
  constexpr std::size_t kMostWords = 1 << 14;
  for (std::size_t words = 16; words <= kMostWords; words *= 2) {
    std::vector<std::uint64_t> mask(words);
    if (::sched_getaffinity(0, words * sizeof(std::uint64_t), reinterpret_cast<cpu_set_t*>(mask.data())) == 0) {
      while (!mask.empty() && mask.back() == 0) mask.pop_back();
      return mask;
    }
    if (errno != EINVAL) break;
  }
  return first_cores(std::max(1U, std::thread::hardware_concurrency()));
}

std::uint64_t count_cores(const CoreClaim& claim) {
  std::uint64_t count = 0;
  for (const std::uint64_t word : claim.mask) count += static_cast<std::uint64_t>(std::popcount(word));
  return count;
}

bool overlap(const CoreClaim& a, const CoreClaim& b) {
  for (std::size_t word = 0; word < std::min(a.mask.size(), b.mask.size()); ++word) {
    if ((a.mask[word] & b.mask[word]) != 0) return true;
  }
  return false;
}

bool has_quota(const CoreClaim& claim, const CpuQuota& wanted) {
  return std::ranges::any_of(claim.quotas, [&](const CpuQuota& quota) {
    return quota.device == wanted.device && quota.folder == wanted.folder;
  });
}

/// The share that one bound leaves each of its `sharers`, this rank among them.
CoreShare share_of_bound(std::uint64_t thousandths, std::int64_t sharers) {
  const auto ranks = static_cast<std::uint64_t>(std::max<std::int64_t>(1, sharers));
  constexpr std::uint64_t kMost = std::numeric_limits<int>::max();
  const std::uint64_t threads = std::clamp<std::uint64_t>(base::div_up(thousandths, kWhole) / ranks, 1, kMost);
  return {.threads = static_cast<int>(threads), .may_spin = thousandths >= ranks * kWhole};
}

CoreShare tighter(const CoreShare& a, const CoreShare& b) {
  return {.threads = std::min(a.threads, b.threads), .may_spin = a.may_spin && b.may_spin};
}

CoreClaim parse_claim(std::span<const std::byte> bytes, int rank) {
  std::vector<std::uint64_t> words(bytes.size() / sizeof(std::uint64_t));
  if (!words.empty()) std::memcpy(words.data(), bytes.data(), words.size() * sizeof(std::uint64_t));
  constexpr std::size_t kQuotaWords = 3;
  const bool valid = words.size() * sizeof(std::uint64_t) == bytes.size() && !words.empty() &&
                     words[0] <= words.size() - 1 && (words.size() - 1 - words[0]) % kQuotaWords == 0;
  if (!valid) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("connect: expected the cores of rank {}, got {} bytes of another form", rank, bytes.size()));
  }
  const auto mask_end = words.begin() + 1 + static_cast<std::ptrdiff_t>(words[0]);
  CoreClaim claim{.mask = {words.begin() + 1, mask_end}};
  for (auto at = mask_end; at != words.end(); at += kQuotaWords) {
    claim.quotas.push_back({.device = at[0], .folder = at[1], .thousandths = at[2]});
  }
  return claim;
}

}  // namespace

CoreClaim claim_cores() { return {.mask = allowed_cores(), .quotas = cpu_quotas()}; }

// The number of the mask's words, these, then the quotas.
std::vector<std::byte> with_claim(std::vector<std::byte> message, const CoreClaim& claim) {
  std::vector<std::uint64_t> words{claim.mask.size()};
  words.insert(words.end(), claim.mask.begin(), claim.mask.end());
  for (const CpuQuota& quota : claim.quotas) words.insert(words.end(), {quota.device, quota.folder, quota.thousandths});
  const auto bytes = std::as_bytes(std::span(words));
  message.insert(message.end(), bytes.begin(), bytes.end());
  return message;
}

ClaimedMessages split_claims(const std::vector<std::vector<std::byte>>& gathered, std::size_t message_bytes) {
  ClaimedMessages all;
  for (const std::span<const std::byte> bytes : gathered) {
    const auto message = bytes.first(std::min(message_bytes, bytes.size()));
    all.messages.emplace_back(message.begin(), message.end());
    all.claims.push_back(parse_claim(bytes.subspan(message.size()), static_cast<int>(all.claims.size())));
  }
  return all;
}

CoreShare share_of(int rank, std::span<const CoreClaim> claims) {
  const CoreClaim& mine = claims[static_cast<std::size_t>(rank)];
  CoreShare share =
      share_of_bound(count_cores(mine) * kWhole,
                     std::ranges::count_if(claims, [&](const CoreClaim& claim) { return overlap(mine, claim); }));
  for (const CpuQuota& quota : mine.quotas) {
    const auto sharers = std::ranges::count_if(claims, [&](const CoreClaim& claim) { return has_quota(claim, quota); });
    share = tighter(share, share_of_bound(quota.thousandths, sharers));
  }
  return share;
}

}  // namespace crossdock::transport
