// Sleeping on a 32-bit word across processes. std::atomic::wait does not wake another process; the shared futex does.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace crossdock::transport {

static_assert(std::atomic<std::uint32_t>::is_always_lock_free && sizeof(std::atomic<std::uint32_t>) == 4);

/// Returns when woken, at once where the word is not `expected`, after `at_most`, or early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, std::chrono::microseconds at_most);

/// Wakes every waiter of the word, in all processes that map it.
void futex_wake_all(std::atomic<std::uint32_t>& word);

}  // namespace crossdock::transport
