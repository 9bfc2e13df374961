// cudaStream..., but for capture and events.
#include <memory>

#include "runtime/capture.hpp"
#include "runtime/device.hpp"
#include "runtime/error.hpp"
#include "runtime/handle_table.hpp"

namespace crossdock::emulator {
namespace {

using Streams = HandleTable<cudaStream_t, Stream>;

/// Only streams that have no order with the default one: others would silently run without it.
cudaError_t create(cudaStream_t* stream, unsigned flags) {
  if (stream == nullptr || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
  if (flags != cudaStreamNonBlocking) return cudaErrorNotSupported;
  *stream = Streams::of_process().add(Stream::make(current_device()));
  return cudaSuccess;
}

cudaError_t destroy(cudaStream_t handle) {
  const auto stream = Streams::of_process().find(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  const cudaError_t refused = Captures::of_process().refuse(*stream);
  if (refused != cudaSuccess) return refused;
  Streams::of_process().remove(handle);
  stream->close();
  return cudaSuccess;
}

cudaError_t query(cudaStream_t handle) {
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  const cudaError_t refused = Captures::of_process().refuse(*stream);
  if (refused != cudaSuccess) return refused;
  return stream->is_idle() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t synchronize(cudaStream_t handle) {
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  const cudaError_t refused = Captures::of_process().refuse(*stream);
  if (refused == cudaSuccess) stream->mark()->wait();
  return refused;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) { return answer(create(stream, flags)); }

/// Priorities change nothing here.
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return answer(create(stream, flags));
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) { return answer(destroy(stream)); }

cudaError_t cudaStreamQuery(cudaStream_t stream) { return answer(query(stream)); }

cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return answer(synchronize(stream)); }
