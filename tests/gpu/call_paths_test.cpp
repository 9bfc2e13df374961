// Ranks that make a call in different ways: their kernels would wait for each other on different channels.
#include <array>
#include <functional>

#include "harness/group_cases.hpp"

namespace crossdock::gpu {
namespace {

/// Handles of all layouts, and a call of one kind with each.
struct Calls {
  Calls(Group& group, const DeviceTokens& mine) : weights(mine.input().topk_weights) {
    for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded}) {
      rows.push_back(group.dispatch(mine.input(), options(layout)));
    }
  }

  static DispatchOptions options(Layout layout) {
    DispatchOptions options{.layout = layout};
    if (layout != Layout::kExpertPadded) options.max_recv_rows = 64;
    return options;
  }

  CombineResult combine(Group& group, Layout layout) const {
    const DispatchResult& of = rows.at(static_cast<std::size_t>(layout));
    CombineInput input{.x = of.x};
    if (layout != Layout::kFlat) input.topk_weights = weights;
    return group.combine(of.handle, input);
  }

  std::vector<DispatchResult> rows;
  ConstTensorView weights;
};

using Call = std::function<void(Group&, const DeviceTokens&, const Calls&)>;

/// What the ranks do at the same time.
struct Disagreement {
  const char* name;
  Call first;
  Call second;
};

Call dispatch_to(Layout layout) {
  return [layout](Group& group, const DeviceTokens& mine, const Calls&) {
    (void)group.dispatch(mine.input(), Calls::options(layout));
  };
}

Call combine_of(Layout layout) {
  return [layout](Group& group, const DeviceTokens&, const Calls& calls) { (void)calls.combine(group, layout); };
}

const std::array kDisagreements{
    Disagreement{"dispatch_flat_padded", dispatch_to(Layout::kFlat), dispatch_to(Layout::kExpertPadded)},
    Disagreement{"combine_flat_contiguous", combine_of(Layout::kFlat), combine_of(Layout::kExpertContiguous)},
    Disagreement{"combine_flat_padded", combine_of(Layout::kFlat), combine_of(Layout::kExpertPadded)},
    Disagreement{"combine_contiguous_padded", combine_of(Layout::kExpertContiguous), combine_of(Layout::kExpertPadded)},
    Disagreement{"dispatch_combine", dispatch_to(Layout::kFlat), combine_of(Layout::kFlat)},
    Disagreement{"combine_padded_none", combine_of(Layout::kExpertPadded),
                 [](Group& group, const DeviceTokens& mine, const Calls&) {
                   EXPECT_ERROR(group.combine({}, {.x = mine.input().x}), ErrorCode::kInvalidHandle, "empty");
                 }},
};

class DifferentPaths : public testing::TestWithParam<Disagreement> {};

TEST_P(DifferentPaths, AreNamedLongBeforeTheDeadline) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {});
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    GroupConfig config = config_of(milliseconds(300'000));
    config.live_results = 4;
    Group group(world, config);
    const Calls calls(group, mine);
    synchronize(group);
    (world.rank() == 0 ? GetParam().first : GetParam().second)(group, mine, calls);
    const auto error = await_status(group);
    ASSERT_TRUE(error);
    EXPECT_EQ(name_of(error->code()), name_of(ErrorCode::kOptionsMismatch)) << error->what();
    EXPECT_THAT(error->what(), testing::HasSubstr("makes a "));
    group.set_live_ranks(std::vector<int>{0, 1});
    round_trip(group, mine, expected, {});
  });
}

INSTANTIATE_TEST_SUITE_P(Calls, DifferentPaths, testing::ValuesIn(kDisagreements),
                         [](const auto& calls) { return std::string(calls.param.name); });

}  // namespace
}  // namespace crossdock::gpu
