#include "simt/bulk_copies.hpp"

#include <cstring>
#include <utility>

#include "simt/fail.hpp"
#include "simt/mbarrier.hpp"

namespace crossdock::emulator {
namespace {

void check(const void* to, const void* from, std::uint32_t bytes) {
  constexpr std::uintptr_t kAlignment = 16;
  const auto addresses = reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
  if ((addresses | bytes) % kAlignment != 0) fail("cp.async.bulk: addresses and bytes have to be multiples of 16");
}

template <typename Element>
Element take(std::vector<Element>& list, std::size_t index) {
  std::swap(list[index], list.back());
  Element element = std::move(list.back());
  list.pop_back();
  return element;
}

}  // namespace

void BulkCopies::load(void* to, const void* from, std::uint32_t bytes, std::uint64_t* mbarrier) {
  check(to, from, bytes);
  loads_.push_back({to, from, bytes, mbarrier});
}

void BulkCopies::store(unsigned thread, void* to, const void* from, std::uint32_t bytes) {
  check(to, from, bytes);
  stores_.push_back({thread, group_of(thread), to, from, bytes});
}

void BulkCopies::commit(unsigned thread) { ++group_of(thread); }

void BulkCopies::wait_read(unsigned thread, unsigned pending) {
  const std::uint64_t committed = group_of(thread);
  for (Store& store : stores_) {
    if (store.thread == thread && store.group + pending < committed) read(store);
  }
}

void BulkCopies::wait_written(unsigned thread) {
  for (std::size_t i = stores_.size(); i-- > 0;) {
    if (stores_[i].thread == thread && stores_[i].group < group_of(thread)) finish_store(i);
  }
}

void BulkCopies::advance(Random random) {
  const std::size_t count = loads_.size() + stores_.size();
  if (count == 0) return;
  const std::size_t chosen = random % count;
  if (chosen < loads_.size()) {
    finish_load(chosen);
  } else if (Store& store = stores_[chosen - loads_.size()]; !store.is_read) {
    read(store);
  } else {
    finish_store(chosen - loads_.size());
  }
}

void BulkCopies::end() {
  if (!loads_.empty()) fail("a block ended while a bulk load into its shared memory was on the way");
  while (!stores_.empty()) {
    if (!stores_.back().is_read) fail("a block ended before a bulk store had read its shared memory");
    finish_store(stores_.size() - 1);
  }
}

std::uint64_t& BulkCopies::group_of(unsigned thread) {
  if (groups_.size() <= thread) groups_.resize(thread + 1, 0);
  return groups_[thread];
}

void BulkCopies::finish_load(std::size_t index) {
  const Load load = take(loads_, index);
  std::memcpy(load.to, load.from, load.bytes);
  Mbarrier::at(load.mbarrier).complete_bytes(load.bytes);
}

void BulkCopies::read(Store& store) {
  if (store.is_read) return;
  const auto* from = static_cast<const std::byte*>(store.from);
  store.data.assign(from, from + store.bytes);
  store.is_read = true;
}

void BulkCopies::finish_store(std::size_t index) {
  Store store = take(stores_, index);
  read(store);
  std::memcpy(store.to, store.data.data(), store.bytes);
}

}  // namespace crossdock::emulator
