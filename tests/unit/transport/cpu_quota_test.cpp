#include "transport/system/cpu_quota.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <string>

namespace crossdock::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A process and its mounted control groups, as files in a folder that goes with the test.
class CpuQuotas : public testing::Test {
 public:
  CpuQuotas() {
    std::string name = testing::TempDir() + "crossdock_quota_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    root_ = name;
  }
  ~CpuQuotas() override { std::filesystem::remove_all(root_); }
  CpuQuotas(const CpuQuotas&) = delete;
  CpuQuotas& operator=(const CpuQuotas&) = delete;

 protected:
  void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  void write_mounts(const std::string& version_2_root) {
    const std::string at = root_.string();
    write("proc/mountinfo",
          "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
          "31 22 0:26 " +
              version_2_root + " " + at +
              "/two rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
              "32 22 0:27 / " +
              at +
              "/set rw - cgroup cgroup rw,cpuset\n"
              "33 22 0:28 / " +
              at +
              "/one rw - cgroup cgroup rw,cpuacct,cpu\n"
              "a line of another form\n");
  }

  std::vector<CpuQuota> quotas() const { return cpu_quotas(root_ / "proc"); }
  std::vector<std::uint64_t> thousandths() const {
    std::vector<std::uint64_t> all;
    for (const CpuQuota& quota : quotas()) all.push_back(quota.thousandths);
    return all;
  }

 private:
  std::filesystem::path root_;
};

TEST_F(CpuQuotas, OfVersion2AlongTheWholePath) {
  write_mounts("/");
  write("proc/cgroup", "0::/job/step/task\n");
  write("two/cpu.max", "max 100000\n");
  write("two/job/cpu.max", "650000 100000\n");
  write("two/job/step/cpu.max", "max 50000\n");
  write("two/job/step/task/cpu.max", "75000 50000\n");
  write("two/job/other/cpu.max", "1000 100000\n");
  EXPECT_THAT(thousandths(), ElementsAre(6500, 1500));
}

TEST_F(CpuQuotas, OfAContainerThatSeesItsGroupAsTheRoot) {
  write_mounts("/docker/4711");
  write("two/cpu.max", "200000 100000\n");
  write("two/inner/cpu.max", "100000 100000\n");
  write("proc/cgroup", "0::/docker/4711/inner\n");
  EXPECT_THAT(thousandths(), ElementsAre(2000, 1000));
  write("proc/cgroup", "0::/docker/4711\n");
  EXPECT_THAT(thousandths(), ElementsAre(2000));
  write("proc/cgroup", "0::/elsewhere\n");
  EXPECT_THAT(thousandths(), ElementsAre(2000)) << "what is mounted holds for the process, wherever its own folder is";
  write_mounts("/");
  write("proc/cgroup", "0::/../outside\n");
  EXPECT_THAT(thousandths(), ElementsAre(2000));
}

TEST_F(CpuQuotas, OfVersion1) {
  write_mounts("/");
  write("proc/cgroup", "4:cpuset:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/cpu\n0::/\n");
  write("one/cpu.cfs_quota_us", "-1\n");
  write("one/cpu.cfs_period_us", "100000\n");
  write("one/job/cpu.cfs_quota_us", "250000\n");
  write("one/job/cpu.cfs_period_us", "100000\n");
  write("set/job/cpu.cfs_quota_us", "1000\n");
  write("set/job/cpu.cfs_period_us", "100000\n");
  EXPECT_THAT(thousandths(), ElementsAre(2500));
}

TEST_F(CpuQuotas, WhatIsMissingOrMalformedLimitsNothing) {
  EXPECT_THAT(thousandths(), IsEmpty()) << "no files at all";
  write_mounts("/");
  EXPECT_THAT(thousandths(), IsEmpty()) << "no groups";
  for (const char* group : {"", "0:", "0::/job", "0::/job/of/nobody", "cpu:/job"}) {
    write("proc/cgroup", std::string(group) + "\n");
    for (const char* text : {"", "max", "many few", "100000", "0 100000", "100000 0", "-5 100000", "9e9999 1"}) {
      write("two/job/cpu.max", text);
      EXPECT_THAT(thousandths(), IsEmpty()) << group << ", " << text;
    }
  }
}

TEST_F(CpuQuotas, AreOneWhereTheFolderIsOne) {
  write_mounts("/");
  write("two/job/cpu.max", "100000 100000\n");
  write("two/job/a/cpu.max", "100000 100000\n");
  write("two/job/b/cpu.max", "100000 100000\n");
  write("proc/cgroup", "0::/job/a\n");
  const std::vector<CpuQuota> a = quotas();
  write("proc/cgroup", "0::/job/b\n");
  const std::vector<CpuQuota> b = quotas();
  ASSERT_EQ(a.size(), 2U);
  ASSERT_EQ(b.size(), 2U);
  EXPECT_EQ(a[0].folder, b[0].folder);
  EXPECT_NE(a[1].folder, b[1].folder);
}

TEST(CpuQuotasOfThisProcess, AreReadWithoutFailing) {
  for (const CpuQuota& quota : cpu_quotas()) EXPECT_GE(quota.thousandths, 1U);
}

}  // namespace
}  // namespace crossdock::transport
