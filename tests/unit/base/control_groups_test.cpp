// Trees of files as the kernel shows them, of version 1 and 2, in containers and not.
#include "base/control_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/memory_bound.hpp"

namespace crossdock::base {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ControlGroups : public ::testing::Test {
 protected:
  ControlGroups() { fs::create_directories(process()); }
  ~ControlGroups() override { fs::remove_all(root_); }

  fs::path root() const { return root_; }
  fs::path process() const { return root_ / "proc"; }
  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void write_mount(const std::string& group, const std::string& folder, const std::string& type,
                   const std::string& options) const {
    write("proc/mountinfo", "30 24 0:26 " + group + " " + (root_ / folder).string() + " rw,nosuid shared:9 - " + type +
                                " cgroup " + options + "\n");
  }
  std::vector<std::string> folders(const std::string& controller) const {
    std::vector<std::string> names;
    for (const ControlGroup& group : control_groups(controller, process())) {
      names.push_back(fs::relative(group.folder, root_).string());
    }
    return names;
  }

 private:
  fs::path root_ = fs::temp_directory_path() / ("crossdock-groups-" + std::to_string(::getpid()));
};

TEST_F(ControlGroups, OfVersion2AreThoseOnTheWayToTheProcess) {
  write_mount("/", "sys", "cgroup2", "rw");
  write("proc/cgroup", "0::/job/step\n");
  EXPECT_THAT(folders("memory"), ElementsAre("sys", "sys/job", "sys/job/step"));
}

TEST_F(ControlGroups, OfVersion1AreThoseOfTheController) {
  write_mount("/", "sys/memory", "cgroup", "rw,memory");
  write("proc/cgroup", "7:pids:/elsewhere\n4:memory,hugetlb:/job\n");
  EXPECT_THAT(folders("memory"), ElementsAre("sys/memory", "sys/memory/job"));
  EXPECT_THAT(folders("pids"), IsEmpty());
}

// A container without a name space of its own sees its group at the mount point, under the host's name.
TEST_F(ControlGroups, OfAContainerBeginAtItsOwn) {
  write_mount("/docker/abc", "sys/memory", "cgroup", "rw,memory");
  write("proc/cgroup", "4:memory:/docker/abc/inner\n");
  EXPECT_THAT(folders("memory"), ElementsAre("sys/memory", "sys/memory/inner"));
}

TEST_F(ControlGroups, ThatAreNotThereAreNone) {
  EXPECT_THAT(folders("memory"), IsEmpty());
  write("proc/mountinfo", "nonsense\n");
  write("proc/cgroup", "nonsense\n");
  EXPECT_THAT(folders("memory"), IsEmpty());
}

TEST_F(ControlGroups, MemoryIsWhatTheTightestLeaves) {
  write_mount("/", "sys", "cgroup2", "rw");
  write("proc/cgroup", "0::/job/step\n");
  write("sys/job/memory.max", "1000000\n");
  write("sys/job/memory.current", "600000\n");
  write("sys/job/memory.stat", "anon 300000\ninactive_file 200000\nactive_file 50000\n");
  write("sys/job/step/memory.max", "max\n");
  write("sys/job/step/memory.current", "100\n");
  const FreeMemory free = free_memory(process());
  EXPECT_EQ(free.bytes, 1'000'000 - (600'000 - 250'000));
  EXPECT_EQ(free.bound, (root() / "sys/job/memory.max").string());
  EXPECT_EQ(whole_memory(process()).bytes, 1'000'000);
}

TEST_F(ControlGroups, MemoryOfVersion1CountsItsSubtree) {
  write_mount("/", "sys", "cgroup", "rw,memory");
  write("proc/cgroup", "4:memory:/job\n");
  write("sys/job/memory.limit_in_bytes", "1000000\n");
  write("sys/job/memory.usage_in_bytes", "1200000\n");
  write("sys/job/memory.stat", "inactive_file 1\ntotal_inactive_file 100000\n");
  EXPECT_EQ(free_memory(process()).bytes, 0);
}

TEST_F(ControlGroups, WithoutThemMemoryIsTheMachines) {
  EXPECT_GT(free_memory(process()).bytes, 0);
  EXPECT_EQ(free_memory(process()).bound, "MemAvailable");
  EXPECT_GT(whole_memory(process()).bytes, free_memory(process()).bytes / 2);
}

}  // namespace
}  // namespace crossdock::base
