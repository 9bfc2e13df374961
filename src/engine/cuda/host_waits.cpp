// CudaContext: the host waits for its GPU.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "engine/cuda/context.hpp"

namespace crossdock::engine::cuda {

void CudaContext::await(const device::CallOutcome& outcome) {
  constexpr int kSpins = 2000;
  constexpr std::chrono::milliseconds kLookEvery{20};
  const base::Deadline deadline = patience();
  auto next_look = base::Clock::now() + kLookEvery;
  // A wait that gave up is told by its report, which may come a moment later.
  while (!Outcomes::has_ended(outcome)) {
    for (int spin = 0; spin < kSpins && !Outcomes::has_ended(outcome); ++spin) {
    }
    if (base::Clock::now() < next_look) continue;
    next_look = base::Clock::now() + kLookEvery;
    look_at_report();
    if (const std::optional<Error> error = host->faults.status()) {
      interrupt_if_faulty();
      throw Error(*error);
    }
    if (deadline.expired()) {
      abort(stuck("dispatch"));
      host->faults.raise_sticky();
    }
    std::this_thread::yield();
  }
  if (const std::optional<Error> error = outcomes.failure_of(outcome, *host)) throw Error(*error);
}

base::Deadline CudaContext::patience() const {
  // Kernels look at the clock now and then only, and on emulated GPUs of a busy machine rarely.
  constexpr std::chrono::milliseconds kToNotice{5'000};
  const std::chrono::milliseconds most = std::chrono::milliseconds::max() / 4;
  return base::Deadline(2 * std::min(host->faults.deadline(), most) + kToNotice);
}

Error CudaContext::stuck(const char* operation) const {
  return {ErrorCode::kDeadlineExceeded,
          fmt::format("{}, rank {}: its stream did not come to the end of the call within twice the deadline of {} ms",
                      operation, rank(), host->faults.deadline().count()),
          {.operation = operation, .phase = "stream", .rank = rank(), .peer = rank()}};
}

void CudaContext::wait(const char* operation) const {
  if (!device->wait(patience())) throw stuck(operation);
}

void CudaContext::wait_for_stream(const char* operation) const {
  device->record_call(device->stream());
  wait(operation);
}

}  // namespace crossdock::engine::cuda
