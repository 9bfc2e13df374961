#include "output_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

class Output : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "crossdock_output.XXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = (folder_ / "out.json").string();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(Output, TakesThePlaceOfWhatWasThere) {
  std::ofstream(path_) << "something longer";
  OutputFile file("--json", path_);
  EXPECT_EQ(text(), "something longer") << "until it is written";
  file.write("new");
  EXPECT_EQ(text(), "new");
}

TEST_F(Output, OfARunThatFailsIsNotLeftBehind) {
  {
    const OutputFile file("--json", path_);
    EXPECT_TRUE(std::filesystem::exists(path_)) << "it is opened before the run";
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::ofstream(path_) << "old";
  {
    const OutputFile file("--json", path_);
  }
  EXPECT_EQ(text(), "old");
}

TEST_F(Output, ThatCannotBeOpenedIsAWrongArgument) {
  try {
    const OutputFile file("--json", (folder_ / "nowhere" / "out.json").string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("nowhere/out.json cannot be written: No such file or directory"));
  }
}

TEST_F(Output, ThatIsFullIsAnErrorOfTheSystem) {
  OutputFile file("--json", "/dev/full");
  try {
    file.write("text");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSystem);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("No space left on device"));
  }
}

}  // namespace
}  // namespace crossdock::tools
