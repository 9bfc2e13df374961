#include "output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "crossdock/error.hpp"
#include "errno_text.hpp"

namespace crossdock::tools {
namespace {

bool is_regular(int fd) {
  struct stat facts{};
  return ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

}  // namespace

OutputFile::OutputFile(std::string flag, std::string path) : flag_(std::move(flag)), path_(std::move(path)) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_CLOEXEC;
  constexpr mode_t kMode = 0666;
  descriptor_ = Descriptor(::open(path_.c_str(), kFlags | O_EXCL, kMode));
  unwritten_ = descriptor_.open();
  if (!descriptor_.open() && errno == EEXIST) descriptor_ = Descriptor(::open(path_.c_str(), kFlags, kMode));
  if (!descriptor_.open()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {} cannot be written: {}", flag_, path_, errno_text()));
  }
}

OutputFile::~OutputFile() {
  if (unwritten_) ::unlink(path_.c_str());
}

void OutputFile::write(std::string_view text) {
  const auto fail = [this] {
    throw Error(ErrorCode::kSystem, fmt::format("{}: {} cannot be written: {}", flag_, path_, errno_text()));
  };
  unwritten_ = false;
  if (is_regular(descriptor_.get()) && ::ftruncate(descriptor_.get(), 0) != 0) fail();
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor_.get(), text.data(), text.size());
    if (count < 0 && errno != EINTR) fail();
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (is_regular(descriptor_.get()) && ::fsync(descriptor_.get()) != 0) fail();  // some disks say it only now
}

void check_standard_streams() {
  const bool output = ::fcntl(STDOUT_FILENO, F_GETFD) >= 0;
  while (true) {
    const int fd = ::open("/dev/null", O_RDWR);  // the lowest number that is free
    if (fd < 0) break;
    if (fd > STDERR_FILENO) {
      ::close(fd);
      break;
    }
  }
  if (!output) throw Error(ErrorCode::kSystem, "standard output is closed");
}

void finish_standard_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw Error(ErrorCode::kSystem, fmt::format("standard output cannot be written: {}", errno_text()));
  }
}

}  // namespace crossdock::tools
