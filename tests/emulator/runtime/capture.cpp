#include "runtime/capture.hpp"

#include <algorithm>
#include <utility>

namespace crossdock::emulator {
namespace {

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

void merge(Past& into, const Past& past) {
  for (const auto& [stream, count] : past) into[stream] = std::max(into[stream], count);
}

bool all_joined(const Capture& capture) {
  const Past& joined = capture.streams.at(capture.origin);
  return std::ranges::all_of(capture.nodes, [&](const Node& node) {
    const auto found = joined.find(node.stream);
    return found != joined.end() && found->second == capture.streams.at(node.stream).at(node.stream);
  });
}

cudaError_t result_of(const Capture& capture) {
  if (capture.invalidated) return cudaErrorStreamCaptureInvalidated;
  return all_joined(capture) ? cudaSuccess : cudaErrorStreamCaptureUnjoined;
}

}  // namespace

Captures& Captures::of_process() {
  static auto* const captures = new Captures;
  return *captures;
}

Capture* Captures::find(const Stream& stream) {
  const auto found = of_stream_.find(&stream);
  return found == of_stream_.end() ? nullptr : found->second.get();
}

cudaError_t Captures::begin(const Stream& stream, cudaStreamCaptureMode mode) {
  const std::scoped_lock lock(mutex_);
  if (find(stream) != nullptr) return cudaErrorIllegalState;
  auto capture = std::make_shared<Capture>();
  capture->origin = &stream;
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  capture->streams[&stream];
  of_stream_[&stream] = std::move(capture);
  return cudaSuccess;
}

cudaError_t Captures::end(const Stream& stream, std::vector<Node>& nodes) {
  const std::scoped_lock lock(mutex_);
  Capture* found = find(stream);
  if (found == nullptr) return cudaErrorIllegalState;
  if (found->origin != &stream) {
    found->invalidated = true;
    return cudaErrorStreamCaptureUnmatched;
  }
  if (found->mode != cudaStreamCaptureModeRelaxed && found->thread != std::this_thread::get_id()) {
    return cudaErrorStreamCaptureWrongThread;
  }
  const std::shared_ptr<Capture> capture = of_stream_.at(&stream);
  std::erase_if(of_stream_, [&](const auto& entry) { return entry.second == capture; });
  const cudaError_t result = result_of(*capture);
  if (result == cudaSuccess) nodes = std::move(capture->nodes);
  return result;
}

cudaStreamCaptureStatus Captures::status(const Stream& stream) {
  const std::scoped_lock lock(mutex_);
  const Capture* capture = find(stream);
  if (capture == nullptr) return cudaStreamCaptureStatusNone;
  return capture->invalidated ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
}

std::optional<cudaError_t> Captures::add(const Stream& stream, std::function<Operation()> make) {
  const std::scoped_lock lock(mutex_);
  Capture* capture = find(stream);
  if (capture == nullptr) return std::nullopt;
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  capture->nodes.push_back({.make = std::move(make), .stream = &stream});
  ++capture->streams[&stream][&stream];
  return cudaSuccess;
}

std::optional<CapturedPlace> Captures::place(const Stream& stream) {
  const std::scoped_lock lock(mutex_);
  const Capture* capture = find(stream);
  if (capture == nullptr) return std::nullopt;
  return CapturedPlace{.capture = of_stream_.at(&stream), .past = capture->streams.at(&stream)};
}

cudaError_t Captures::follow(const Stream& stream, const CapturedPlace& place) {
  const std::scoped_lock lock(mutex_);
  const std::shared_ptr<Capture> capture = place.capture.lock();
  if (!capture) return cudaErrorCapturedEvent;  // it has ended
  Capture* own = find(stream);
  if (own != nullptr && own != capture.get()) {
    own->invalidated = true;
    capture->invalidated = true;
    return cudaErrorStreamCaptureMerge;
  }
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  of_stream_[&stream] = capture;
  merge(capture->streams[&stream], place.past);
  return cudaSuccess;
}

cudaError_t Captures::refuse(const Stream& stream) {
  const std::scoped_lock lock(mutex_);
  Capture* capture = find(stream);
  if (capture == nullptr) return cudaSuccess;
  capture->invalidated = true;
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t Captures::isolate(const Stream& stream) {
  return refuse(stream) == cudaSuccess ? cudaSuccess : cudaErrorStreamCaptureIsolation;
}

cudaError_t Captures::refuse(const CapturedPlace& place) {
  const std::scoped_lock lock(mutex_);
  if (const std::shared_ptr<Capture> capture = place.capture.lock()) capture->invalidated = true;
  return cudaErrorCapturedEvent;
}

/// The rules of cudaThreadExchangeStreamCaptureMode.
bool Captures::forbids_unsafe(const Capture& capture) {
  if (thread_mode == cudaStreamCaptureModeRelaxed || capture.mode == cudaStreamCaptureModeRelaxed) return false;
  if (capture.thread == std::this_thread::get_id()) return true;
  return thread_mode == cudaStreamCaptureModeGlobal && capture.mode == cudaStreamCaptureModeGlobal;
}

cudaError_t Captures::refuse_unsafe() {
  const std::scoped_lock lock(mutex_);
  cudaError_t result = cudaSuccess;
  for (const auto& [stream, capture] : of_stream_) {
    if (!forbids_unsafe(*capture)) continue;
    capture->invalidated = true;
    result = cudaErrorStreamCaptureUnsupported;
  }
  return result;
}

cudaError_t submit(Stream& stream, const std::function<Operation()>& make) {
  if (const auto captured = Captures::of_process().add(stream, make)) return *captured;
  stream.add(make());
  return cudaSuccess;
}

cudaStreamCaptureMode exchange_mode(cudaStreamCaptureMode mode) { return std::exchange(thread_mode, mode); }

}  // namespace crossdock::emulator
