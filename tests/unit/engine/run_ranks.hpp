// Ranks as threads of the test.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "crossdock/crossdock.hpp"

namespace crossdock::test {

/// Runs one function a rank, each with its world; what a rank throws fails the test.
inline void run_ranks(int num_ranks, const std::function<void(const World&)>& body) {
  std::vector<World> worlds = World::threads(num_ranks);
  std::vector<std::string> failures(worlds.size());
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < worlds.size(); ++rank) {
    threads.emplace_back([&, rank] {
      try {
        body(worlds[rank]);
      } catch (const std::exception& failure) {
        failures[rank] = failure.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t rank = 0; rank < failures.size(); ++rank) {
    EXPECT_EQ(failures[rank], "") << "thrown on rank " << rank;
  }
}

/// The Error that a call throws; fails the test where it throws none.
inline std::optional<Error> error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected an Error, got none";
  return std::nullopt;
}

#define EXPECT_ERROR(call, error_code, text)                                     \
  do {                                                                           \
    const auto error_ = ::crossdock::test::error_of([&] { (void)(call); });      \
    if (error_) {                                                                \
      EXPECT_EQ(name_of(error_->code()), name_of(error_code)) << error_->what(); \
      EXPECT_THAT(error_->what(), ::testing::HasSubstr(text));                   \
    }                                                                            \
  } while (false)

}  // namespace crossdock::test
