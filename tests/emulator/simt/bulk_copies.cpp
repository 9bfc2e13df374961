#include "simt/bulk_copies.hpp"

#include <fmt/format.h>

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

BulkCopies::Engine& BulkCopies::start_engine(unsigned thread) {
  Engine* engine = nullptr;
  {
    const Unseen unseen;
    if (engines_.size() <= thread) engines_.resize(thread + 1);
    if (!engines_[thread]) {
      engines_[thread] = std::make_unique<Engine>(grid_);
      if (kFindsRaces) engines_[thread]->timeline.name(fmt::format("bulk copies of thread {}", thread));
    }
    engine = engines_[thread].get();
  }
  publish(&engine->start);
  engine->timeline.observe(&engine->start);
  return *engine;
}

void BulkCopies::load(unsigned thread, void* to, const void* from, std::uint32_t bytes, std::uint64_t* mbarrier) {
  check(to, from, bytes);
  Engine& engine = start_engine(thread);
  const Unseen unseen;
  loads_.push_back({&engine, to, from, bytes, mbarrier});
}

void BulkCopies::store(unsigned thread, void* to, const void* from, std::uint32_t bytes) {
  check(to, from, bytes);
  Engine& engine = start_engine(thread);
  const Unseen unseen;
  stores_.push_back({&engine, thread, group_of(thread), to, from, bytes});
}

void BulkCopies::commit(unsigned thread) {
  const Unseen unseen;
  ++group_of(thread);
}

void BulkCopies::wait_read(unsigned thread, unsigned pending) {
  const Engine* engine = nullptr;
  {
    const Unseen unseen;
    const std::uint64_t committed = group_of(thread);
    for (Store& store : stores_) {
      if (store.thread == thread && store.group + pending < committed) read(store);
    }
    engine = engine_of(thread);
  }
  if (engine != nullptr) observe(&engine->read);
}

void BulkCopies::wait_written(unsigned thread) {
  const Engine* engine = nullptr;
  {
    const Unseen unseen;
    for (std::size_t i = stores_.size(); i-- > 0;) {
      if (stores_[i].thread == thread && stores_[i].group < group_of(thread)) finish_store(i);
    }
    engine = engine_of(thread);
  }
  if (engine != nullptr) observe(&engine->written);
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

void BulkCopies::end(const void* kernel) {
  if (!loads_.empty()) fail("a block ended while a bulk load into its shared memory was on the way");
  while (!stores_.empty()) {
    if (!stores_.back().is_read) fail("a block ended before a bulk store had read its shared memory");
    finish_store(stores_.size() - 1);
  }
  for (const auto& engine : engines_) {
    if (engine) engine->timeline.publish(kernel);
  }
}

const BulkCopies::Engine* BulkCopies::engine_of(unsigned thread) const {
  return thread < engines_.size() ? engines_[thread].get() : nullptr;
}

std::uint64_t& BulkCopies::group_of(unsigned thread) {
  if (groups_.size() <= thread) groups_.resize(thread + 1, 0);
  return groups_[thread];
}

void BulkCopies::finish_load(std::size_t index) {
  const Load load = take(loads_, index);
  load.engine->timeline.copy(load.to, load.from, load.bytes);
  load.engine->timeline.publish(load.mbarrier);
  Mbarrier::at(load.mbarrier).complete_bytes(load.bytes);
}

void BulkCopies::read(Store& store) {
  if (store.is_read) return;
  store.data.resize(store.bytes);
  store.engine->timeline.copy(store.data.data(), store.from, store.bytes);
  store.engine->timeline.publish(&store.engine->read);
  store.is_read = true;
}

void BulkCopies::finish_store(std::size_t index) {
  Store store = take(stores_, index);
  read(store);
  store.engine->timeline.copy(store.to, store.data.data(), store.bytes);
  store.engine->timeline.publish(&store.engine->written);
}

}  // namespace crossdock::emulator
