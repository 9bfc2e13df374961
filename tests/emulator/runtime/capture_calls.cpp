// cudaStreamBeginCapture and what belongs to it.
#include <memory>
#include <utility>
#include <vector>

#include "runtime/capture.hpp"
#include "runtime/error.hpp"
#include "runtime/graph.hpp"
#include "runtime/handle_table.hpp"

namespace crossdock::emulator {
namespace {

bool is_mode(cudaStreamCaptureMode mode) {
  return mode >= cudaStreamCaptureModeGlobal && mode <= cudaStreamCaptureModeRelaxed;
}

cudaError_t begin(cudaStream_t handle, cudaStreamCaptureMode mode) {
  if (handle == nullptr) return cudaErrorStreamCaptureUnsupported;
  if (!is_mode(mode)) return cudaErrorInvalidValue;
  const auto stream = stream_of(handle);
  return stream ? Captures::of_process().begin(*stream, mode) : cudaErrorInvalidResourceHandle;
}

cudaError_t end(cudaStream_t handle, cudaGraph_t* graph) {
  if (graph == nullptr) return cudaErrorInvalidValue;
  *graph = nullptr;
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  auto captured = std::make_shared<Graph>();
  const cudaError_t result = Captures::of_process().end(*stream, captured->nodes);
  if (result == cudaSuccess) *graph = HandleTable<cudaGraph_t, Graph>::of_process().add(std::move(captured));
  return result;
}

cudaError_t is_capturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  if (status == nullptr) return cudaErrorInvalidValue;
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  *status = Captures::of_process().status(*stream);
  return cudaSuccess;
}

cudaError_t exchange(cudaStreamCaptureMode* mode) {
  if (mode == nullptr || !is_mode(*mode)) return cudaErrorInvalidValue;
  *mode = exchange_mode(*mode);
  return cudaSuccess;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return answer(begin(stream, mode));
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) { return answer(end(stream, graph)); }

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return answer(is_capturing(stream, status));
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) { return answer(exchange(mode)); }
