#include "crossdock/types.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "base/known.hpp"
#include "crossdock/error.hpp"

namespace crossdock {
namespace {

TEST(DType, SizesAndNames) {
  struct Expected {
    DType dtype;
    std::size_t size;
    std::string_view name;
  };
  for (const auto& [dtype, size, name] : {Expected{DType::kBf16, 2, "bf16"}, Expected{DType::kFp16, 2, "fp16"},
                                          Expected{DType::kFp32, 4, "fp32"}, Expected{DType::kFp8E4m3, 1, "fp8"},
                                          Expected{DType::kInt32, 4, "int32"}, Expected{DType::kInt64, 8, "int64"}}) {
    EXPECT_EQ(size_of(dtype), size) << name;
    EXPECT_EQ(name_of(dtype), name);
  }
}

TEST(NameOf, LayoutsModesTreesAndScales) {
  EXPECT_EQ(name_of(Layout::kFlat), "flat");
  EXPECT_EQ(name_of(Layout::kExpertContiguous), "expert_contiguous");
  EXPECT_EQ(name_of(Layout::kExpertPadded), "expert_padded");
  EXPECT_EQ(name_of(Mode::kThroughput), "throughput");
  EXPECT_EQ(name_of(Mode::kLatency), "latency");
  EXPECT_EQ(name_of(ReductionTree::kPerRank), "per_rank");
  EXPECT_EQ(name_of(ReductionTree::kPerSelection), "per_selection");
  EXPECT_EQ(name_of(ReductionTree::kHierarchical), "hierarchical");
  EXPECT_EQ(name_of(Quantize::kNone), "none");
  EXPECT_EQ(name_of(Quantize::kFp8), "fp8");
  EXPECT_EQ(name_of(Quantize::kFp8PowerOfTwo), "fp8_power_of_two");
  EXPECT_EQ(name_of(Quantize::kFp8Ue8m0), "fp8_ue8m0");
  EXPECT_EQ(name_of(Backend::kCpu), "cpu");
  EXPECT_EQ(name_of(Backend::kCuda), "cuda");
  EXPECT_EQ(name_of(ScaleOrder::kRowMajor), "row_major");
  EXPECT_EQ(name_of(ScaleOrder::kColumnMajor), "column_major");
  EXPECT_EQ(name_of(WindowSharing::kAddresses), "addresses");
  EXPECT_EQ(name_of(WindowSharing::kFileDescriptors), "file_descriptors");
  EXPECT_EQ(name_of(WindowSharing::kFabricHandles), "fabric_handles");
}

/// The values that are known are those that have names.
template <typename Enum>
void expect_known_where_named() {
  for (int value = 0; value < 256; ++value) {
    EXPECT_EQ(base::is_known(static_cast<Enum>(value)), name_of(static_cast<Enum>(value)) != "unknown") << value;
  }
}

TEST(Known, AreValuesWithNames) {
  expect_known_where_named<DType>();
  expect_known_where_named<Layout>();
  expect_known_where_named<Mode>();
  expect_known_where_named<ReductionTree>();
  expect_known_where_named<Quantize>();
  expect_known_where_named<Backend>();
  expect_known_where_named<ScaleOrder>();
}

// Messages print values that came from a peer.
TEST(NameOf, ValuesOutsideTheEnumAreUnknown) {
  EXPECT_EQ(name_of(static_cast<DType>(99)), "unknown");
  EXPECT_EQ(name_of(static_cast<Layout>(3)), "unknown");
  EXPECT_EQ(name_of(static_cast<Mode>(2)), "unknown");
  EXPECT_EQ(name_of(static_cast<ReductionTree>(3)), "unknown");
  EXPECT_EQ(name_of(static_cast<Quantize>(4)), "unknown");
  EXPECT_EQ(name_of(static_cast<Backend>(2)), "unknown");
  EXPECT_EQ(name_of(static_cast<WindowSharing>(3)), "unknown");
  EXPECT_EQ(name_of(static_cast<ScaleOrder>(2)), "unknown");
}

TEST(SizeOf, RefusesAValueOutsideTheEnum) {
  try {
    (void)size_of(static_cast<DType>(99));
    FAIL() << "has a size";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "InvalidArgument: size_of: expected a value of DType, got value 99");
  }
}

TEST(ModeOf, FollowsTheLayout) {
  static_assert(mode_of(Layout::kFlat) == Mode::kThroughput);
  static_assert(mode_of(Layout::kExpertContiguous) == Mode::kThroughput);
  static_assert(mode_of(Layout::kExpertPadded) == Mode::kLatency);
}

}  // namespace
}  // namespace crossdock
