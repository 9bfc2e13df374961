// cudaEvent..., and cudaStreamWaitEvent.
#include <chrono>
#include <memory>
#include <utility>

#include "runtime/error.hpp"
#include "runtime/event.hpp"
#include "runtime/handle_table.hpp"

namespace crossdock::emulator {
namespace {

using Events = HandleTable<cudaEvent_t, Event>;

cudaError_t create(cudaEvent_t* event, unsigned flags) {
  if (event == nullptr || (flags & ~cudaEventDisableTiming) != 0) return cudaErrorInvalidValue;
  const bool timed = (flags & cudaEventDisableTiming) == 0;
  *event = Events::of_process().add(std::make_shared<Event>(current_device(), timed));
  return cudaSuccess;
}

/// In a graph it is a node: each launch records the event anew.
cudaError_t record_external(Stream& stream, const std::shared_ptr<Event>& event) {
  const auto captured = Captures::of_process().add(
      stream, [event] { return Task([completion = event->restart()] { completion->complete(); }); });
  return captured.value_or(cudaErrorInvalidValue);
}

cudaError_t record_here(Stream& stream, Event& event) {
  if (auto place = Captures::of_process().place(stream)) {
    event.capture(*std::move(place));
  } else {
    stream.add([completion = event.restart()] { completion->complete(); });
  }
  return cudaSuccess;
}

cudaError_t record(cudaEvent_t handle, cudaStream_t stream_handle, unsigned flags) {
  const auto event = Events::of_process().find(handle);
  const auto stream = stream_of(stream_handle);
  if (!event || !stream) return cudaErrorInvalidResourceHandle;
  if (&event->device() != &stream->device()) return cudaErrorInvalidResourceHandle;
  if (flags > cudaEventRecordExternal) return cudaErrorInvalidValue;
  return flags == cudaEventRecordExternal ? record_external(*stream, event) : record_here(*stream, *event);
}

cudaError_t make_wait(cudaStream_t stream_handle, cudaEvent_t handle, unsigned flags) {
  const auto event = Events::of_process().find(handle);
  const auto stream = stream_of(stream_handle);
  if (!event || !stream) return cudaErrorInvalidResourceHandle;
  if (flags != 0) return cudaErrorInvalidValue;
  const Event::State state = event->state();
  if (state.place) return Captures::of_process().follow(*stream, *state.place);
  if (!state.completion) return cudaSuccess;
  const cudaError_t isolated = Captures::of_process().isolate(*stream);
  if (isolated != cudaSuccess) return isolated;
  stream->add([completion = state.completion] { completion->wait(); });
  return cudaSuccess;
}

cudaError_t synchronize(cudaEvent_t handle) {
  const auto event = Events::of_process().find(handle);
  if (!event) return cudaErrorInvalidResourceHandle;
  const Event::State state = event->state();
  if (state.place) return Captures::of_process().refuse(*state.place);
  if (state.completion) state.completion->wait();
  return cudaSuccess;
}

cudaError_t query(cudaEvent_t handle) {
  const auto event = Events::of_process().find(handle);
  if (!event) return cudaErrorInvalidResourceHandle;
  const Event::State state = event->state();
  if (state.place) return Captures::of_process().refuse(*state.place);
  return !state.completion || state.completion->is_complete() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t elapsed(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  const auto first = Events::of_process().find(begin);
  const auto last = Events::of_process().find(end);
  if (milliseconds == nullptr) return cudaErrorInvalidValue;
  if (!first || !last || !first->timed() || !last->timed()) return cudaErrorInvalidResourceHandle;
  if (&first->device() != &last->device()) return cudaErrorInvalidResourceHandle;
  const auto from = first->state().completion;
  const auto to = last->state().completion;
  if (!from || !to) return cudaErrorInvalidResourceHandle;
  if (!from->is_complete() || !to->is_complete()) return cudaErrorNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(to->time() - from->time()).count();
  return cudaSuccess;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaEventCreate(cudaEvent_t* event) { return answer(create(event, 0)); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) { return answer(create(event, flags)); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return answer(Events::of_process().remove(event) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return answer(record(event, stream, cudaEventRecordDefault));
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  return answer(record(event, stream, flags));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return answer(make_wait(stream, event, flags));
}

cudaError_t cudaEventQuery(cudaEvent_t event) { return answer(query(event)); }

cudaError_t cudaEventSynchronize(cudaEvent_t event) { return answer(synchronize(event)); }

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  return answer(elapsed(milliseconds, begin, end));
}
