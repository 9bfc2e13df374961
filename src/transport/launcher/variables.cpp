#include "transport/launcher/variables.hpp"

#include <fmt/format.h>

#include <limits>

#include "base/environment.hpp"
#include "crossdock/error.hpp"
#include "transport/launcher/address.hpp"

namespace crossdock::transport {
namespace {

[[noreturn]] void throw_not_set(const char* variable, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("environment variable {}: not set, but {}", variable, why));
}

}  // namespace

bool is_set(const char* variable) { return base::environment_has(variable); }

std::string text_of(const char* variable) { return base::environment_text(variable).value_or(""); }

std::int64_t integer_of(const char* variable, std::int64_t low, std::int64_t high) {
  if (const auto value = base::environment_integer(variable, low, high)) return *value;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("environment variable {}: expected an integer of [{}, {}], got {}", variable, low, high,
                          is_set(variable) ? "\"\"" : "nothing"));
}

std::optional<Job> read_place(Launcher launcher, const char* rank, const char* num_ranks) {
  if (!is_set(rank) && !is_set(num_ranks)) return std::nullopt;
  if (!is_set(rank)) throw_not_set(rank, fmt::format("{} is", num_ranks));
  if (!is_set(num_ranks)) throw_not_set(num_ranks, fmt::format("{} is", rank));
  Job job{.launcher = launcher};
  job.num_ranks = static_cast<int>(integer_of(num_ranks, 1, std::numeric_limits<int>::max()));
  job.rank = static_cast<int>(integer_of(rank, 0, job.num_ranks - 1));
  return job;
}

bool all_local(const Job& job, const char* num_local_ranks) {
  return is_set(num_local_ranks) && integer_of(num_local_ranks, 1, job.num_ranks) == job.num_ranks;
}

void read_meeting_point(Job& job, int highest_port) {
  if (is_set("MASTER_ADDR")) {
    job.address = parse_address(text_of("MASTER_ADDR"), "environment variable MASTER_ADDR");
  }
  if (is_set("MASTER_PORT")) job.port = static_cast<int>(integer_of("MASTER_PORT", 1, highest_port));
}

}  // namespace crossdock::transport
