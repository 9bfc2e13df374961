// Words for tests of the bootstrap.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "crossdock/error.hpp"
#include "crossdock/world.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::testing {

inline std::vector<std::byte> bytes_of_text(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

inline std::string text_of_bytes(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::vector<std::string> gather_text(Bootstrap& bootstrap, std::string_view mine,
                                            std::chrono::milliseconds deadline = std::chrono::seconds(30)) {
  std::vector<std::string> texts;
  for (const auto& bytes : bootstrap.all_gather(bytes_of_text(mine), deadline)) texts.push_back(text_of_bytes(bytes));
  return texts;
}

/// An all-gather as a program may have one: equal sizes, over the ranks of another bootstrap.
inline AllGather all_gather_over(std::shared_ptr<Bootstrap> bootstrap) {
  return [bootstrap = std::move(bootstrap)](std::span<const std::byte> mine, std::span<std::byte> all,
                                            std::chrono::milliseconds deadline) {
    auto at = all.begin();
    for (const auto& bytes : bootstrap->all_gather(mine, deadline)) at = std::ranges::copy(bytes, at).out;
    if (at != all.end()) throw std::runtime_error("sizes differ");
  };
}

/// The Error that a call throws.
inline Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  throw std::runtime_error("no Error was thrown");
}

/// Runs body(rank) on a thread each; an exception fails the test.
inline void run_threads(int num_ranks, const std::function<void(int rank)>& body) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([rank, &body] {
      try {
        body(rank);
      } catch (const std::exception& failure) {
        ADD_FAILURE() << "rank " << rank << ": " << failure.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace crossdock::testing
