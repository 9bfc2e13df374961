#include "runtime/stream.hpp"

#include <utility>

#include "runtime/device.hpp"
#include "simt/workers.hpp"

namespace crossdock::emulator {

std::shared_ptr<Stream> Stream::make(Device& device) {
  const std::shared_ptr<Stream> stream(new Stream(device));
  device.enter(stream);
  Workers::of_process().run([stream] { stream->work(); });
  return stream;
}

void Stream::add(Operation operation) {
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::move(operation));
  changed_.notify_one();
}

std::shared_ptr<Completion> Stream::mark() {
  auto completion = std::make_shared<Completion>();
  const std::scoped_lock lock(mutex_);
  if (ended_) {
    completion->complete();
  } else {
    waiting_.emplace_back([completion] { completion->complete(); });
    changed_.notify_one();
  }
  return completion;
}

bool Stream::is_idle() {
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty() && !at_work_) return true;
    if (asked_ && !asked_->is_complete()) return false;
  }
  // The worker looks at a kernel's end when it has something else to do.
  const std::shared_ptr<Completion> asked = mark();
  const std::scoped_lock lock(mutex_);
  asked_ = asked;
  return false;
}

void Stream::close() {
  mark();
  const std::scoped_lock lock(mutex_);
  closed_ = true;
  changed_.notify_one();
}

void Stream::work() {
  while (const std::optional<Operation> operation = next()) {
    std::visit([this](const auto& work) { run(work); }, *operation);
  }
}

std::optional<Operation> Stream::next() {
  std::unique_lock lock(mutex_);
  at_work_ = kernel_ != nullptr;
  changed_.wait(lock, [&] { return !waiting_.empty() || closed_; });
  ended_ = waiting_.empty();
  if (ended_) return std::nullopt;
  std::optional<Operation> operation = std::move(waiting_.front());
  waiting_.pop_front();
  at_work_ = true;
  return operation;
}

void Stream::run(const Task& task) {
  if (kernel_) kernel_->wait_until_complete();
  kernel_.reset();
  task();
}

/// Returns while the kernel runs, so that one that overlaps it can be added as late as that.
void Stream::run(const Kernel& kernel) {
  if (!kernel.overlaps && kernel_) {
    kernel_->wait_until_complete();
    kernel_.reset();
  }
  if (kernel_) kernel_->wait_until_next_may_start();
  kernel_ = std::make_shared<Grid>(*kernel.sms, kernel.launch, kernel_);
  kernel_->start();
}

std::shared_ptr<Stream> stream_of(cudaStream_t handle) {
  return handle == nullptr ? current_device().default_stream()
                           : HandleTable<cudaStream_t, Stream>::of_process().find(handle);
}

}  // namespace crossdock::emulator
