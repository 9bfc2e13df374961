#include "runtime/graph.hpp"

#include <utility>
#include <variant>

#include "runtime/error.hpp"
#include "runtime/handle_table.hpp"

namespace crossdock::emulator {
namespace {

using Graphs = HandleTable<cudaGraph_t, Graph>;
using Executables = HandleTable<cudaGraphExec_t, Executable>;

/// Kernels overlap only where one was captured directly after the other.
Operation make(const Node& node, const Node* before) {
  Operation operation = node.make();
  auto* kernel = std::get_if<Kernel>(&operation);
  if (kernel != nullptr && (before == nullptr || before->stream != node.stream)) kernel->overlaps = false;
  return operation;
}

}  // namespace

void Executable::launch(Stream& stream) {
  const std::scoped_lock lock(mutex_);
  if (last_launch_) {
    stream.add([last = last_launch_] { last->wait(); });
  }
  const Node* before = nullptr;
  for (const Node& node : nodes_) {
    stream.add(make(node, before));
    before = &node;
  }
  // Also keeps kernels that are launched later from overlapping the graph's.
  last_launch_ = stream.mark();
}

namespace {

cudaError_t instantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  if (executable == nullptr || flags != 0) return cudaErrorInvalidValue;
  const auto found = Graphs::of_process().find(graph);
  if (!found) return cudaErrorInvalidValue;
  *executable = Executables::of_process().add(std::make_shared<Executable>(*found));
  return cudaSuccess;
}

cudaError_t upload(cudaGraphExec_t executable, cudaStream_t stream) {
  if (!stream_of(stream)) return cudaErrorInvalidResourceHandle;
  return Executables::of_process().find(executable) ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t launch(cudaGraphExec_t executable, cudaStream_t handle) {
  const auto stream = stream_of(handle);
  if (!stream) return cudaErrorInvalidResourceHandle;
  const auto found = Executables::of_process().find(executable);
  if (!found) return cudaErrorInvalidValue;
  // CUDA makes it a part of the other graph; nobody here does that.
  if (Captures::of_process().status(*stream) != cudaStreamCaptureStatusNone) return cudaErrorNotSupported;
  found->launch(*stream);
  return cudaSuccess;
}

}  // namespace
}  // namespace crossdock::emulator

using namespace crossdock::emulator;

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  return answer(instantiate(executable, graph, flags));
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  return answer(upload(executable, stream));
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return answer(launch(executable, stream));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return answer(Graphs::of_process().remove(graph) ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return answer(Executables::of_process().remove(executable) ? cudaSuccess : cudaErrorInvalidValue);
}
