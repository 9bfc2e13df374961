// The peers' job by crossdock. Ranks are processes that meet as torchrun's do (RANK, WORLD_SIZE, MASTER_PORT).
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "harness/flags.hpp"
#include "ours/latency.hpp"
#include "ours/start.hpp"
#include "ours/throughput.hpp"

namespace crossdock::peers {
namespace {

void run(const Flags& flags) {
  end_with_parent();
  Meeting meeting(flags.text("meeting"), static_cast<int>(flags.number("rank", 0, {.least = 0})),
                  static_cast<int>(flags.number("ranks", 1)));
  const Job job = flags.job(meeting.num_ranks());
  if (flags.has("start")) return run_session(meeting, {starts(job)}, "{}");
  const World world = World::from_environment();
  if (flags.has("latency-max-tokens")) {
    Group group = make_latency_group(world, job, static_cast<int>(flags.number("latency-max-tokens", 0)));
    run_session(meeting, {latency_pairs(group, job)}, "{}");
  } else {
    ThroughputJob throughput(world, job);
    run_session(meeting, throughput.operations(), "{}");
  }
}

}  // namespace
}  // namespace crossdock::peers

int main(int count, char** words) try {
  crossdock::peers::run(crossdock::peers::Flags(count, words));
} catch (const std::exception& failure) {
  fmt::print(stderr, "{}\n", failure.what());
  return 1;
}
