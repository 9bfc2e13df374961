#include "transport/system/file_descriptor.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <set>

namespace crossdock::transport {
namespace {

/// Numbers of all that are open. Never destroyed: descriptors may be closed by destructors of other static objects.
struct OpenFiles {
  std::mutex mutex;
  std::set<int> numbers;
};

OpenFiles& open_files() {
  static OpenFiles& files = *new OpenFiles;
  return files;
}

// No thread opens or closes one while the process forks.
void before_fork() { open_files().mutex.lock(); }
void behind_fork() { open_files().mutex.unlock(); }

void in_child() {
  for (const int number : open_files().numbers) ::close(number);
  open_files().numbers.clear();
  open_files().mutex.unlock();
}

[[maybe_unused]] const int registered = ::pthread_atfork(before_fork, behind_fork, in_child);

}  // namespace

FileDescriptor::FileDescriptor(int number) : number_(number) {
  if (number_ < 0) return;
  const std::scoped_lock lock(open_files().mutex);
  open_files().numbers.insert(number_);
}

FileDescriptor::~FileDescriptor() {
  if (number() < 0) return;
  const int error_number = errno;  // of what its owner may have failed by
  {
    const std::scoped_lock lock(open_files().mutex);
    open_files().numbers.erase(number_);
    ::close(number_);
  }
  errno = error_number;
}

}  // namespace crossdock::transport
