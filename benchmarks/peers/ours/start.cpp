#include "ours/start.hpp"

#include <memory>
#include <optional>

#include "crossdock/crossdock.hpp"

namespace crossdock::peers {
namespace {

struct Started {
  std::optional<World> world = {};
  std::optional<Group> group = {};
};

}  // namespace

Operation starts(const Job& job) {
  const auto started = std::make_shared<Started>();
  return {.name = "start",
          .run =
              [started, job] {
                started->world = World::from_environment();
                started->group.emplace(*started->world, GroupConfig{.num_experts = job.experts,
                                                                    .top_k = job.top_k,
                                                                    .hidden = job.hidden,
                                                                    .max_tokens = job.tokens,
                                                                    .expert_layout = false});
              },
          .before =
              [started] {
                started->group.reset();
                started->world.reset();
              }};
}

}  // namespace crossdock::peers
