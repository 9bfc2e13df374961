// Streams whose operations are collected for a graph instead of being run.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "runtime/stream.hpp"

namespace crossdock::emulator {

/// An operation of a graph: made anew for each launch.
struct Node {
  std::function<Operation()> make;
  const Stream* stream = nullptr;  ///< it was captured on
};

/// What lies before a place in a capture: how many of each stream's nodes.
using Past = std::map<const Stream*, std::size_t>;

struct Capture {
  const Stream* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;  ///< that began it
  bool invalidated = false;
  std::vector<Node> nodes;
  std::map<const Stream*, Past> streams;
};

/// An event's place, where it was recorded in a capture.
struct CapturedPlace {
  std::weak_ptr<Capture> capture;
  Past past;
};

/// Of this process. Threads share it.
class Captures {
 public:
  static Captures& of_process();

  cudaError_t begin(const Stream& stream, cudaStreamCaptureMode mode);
  /// Of the nodes' order only that of capture is kept: a graph runs them one after the other.
  cudaError_t end(const Stream& stream, std::vector<Node>& nodes);
  cudaStreamCaptureStatus status(const Stream& stream);

  /// Nothing where the stream is not captured: the caller puts the operation on the stream.
  std::optional<cudaError_t> add(const Stream& stream, std::function<Operation()> make);
  /// Where an event lies that is recorded now; nothing where the stream is not captured.
  std::optional<CapturedPlace> place(const Stream& stream);
  /// The stream goes on after the place: it takes part in the capture.
  cudaError_t follow(const Stream& stream, const CapturedPlace& place);

  /// For calls that ask for the state of a stream: such a call ends its capture in failure.
  cudaError_t refuse(const Stream& stream);
  /// The same for waits of a captured stream for work that is not in the capture.
  cudaError_t isolate(const Stream& stream);
  /// The same for an event that was recorded in a capture.
  cudaError_t refuse(const CapturedPlace& place);
  /// For calls that may wait for a device, such as cudaMalloc: the modes of captures tell which threads may make them.
  cudaError_t refuse_unsafe();

 private:
  Capture* find(const Stream& stream);
  static bool forbids_unsafe(const Capture& capture);

  std::mutex mutex_;
  std::map<const Stream*, std::shared_ptr<Capture>> of_stream_;
};

/// Puts the operation on the stream, or into its capture.
cudaError_t submit(Stream& stream, const std::function<Operation()>& make);

/// The calling thread's.
cudaStreamCaptureMode exchange_mode(cudaStreamCaptureMode mode);

}  // namespace crossdock::emulator
