// One GPU as a rank of this program uses it: memory, a stream, copies. No CUDA types: who includes it needs no CUDA.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace crossdock::tools::gpu {

/// True where the program was built with CUDA. Without it the rest below throws, or counts nothing.
bool is_built();

/// GPUs that CUDA shows. Asks in a process of its own: ranks forked from a process that has used CUDA could not use it.
int count_devices();

/// "NVIDIA H200, 132 SMs, 139.8 GiB". Uses CUDA in this process.
std::string describe_device(int index);

/// All memory is taken at once: taking or giving back some later may wait for kernels of other ranks on the same GPU,
/// and those for this rank. For the same reason copies go through pinned memory, and waits hold no lock of CUDA's.
class Device {
 public:
  /// Makes GPU `index` the calling thread's. Throws Error (kSystem).
  Device(int index, std::size_t memory_bytes);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  int index() const { return index_; }
  int num_sms() const;

  /// Memory that is valid until give_back_all; aligned for every type.
  void* take(std::size_t bytes);
  void give_back_all() { used_ = 0; }

  /// Where everything below is put: the own stream, unless another (cudaStream_t) was chosen.
  void* stream() const { return stream_; }
  void* own_stream() const;
  void use_stream(void* stream) { stream_ = stream; }

  void fill(void* memory, std::byte value, std::size_t bytes);
  /// From GPU to GPU.
  void copy(void* to, const void* from, std::size_t bytes);
  /// Waits for what is on the stream.
  void upload(void* to, const void* from, std::size_t bytes);
  void download(void* to, const void* from, std::size_t bytes);
  void wait();

  /// The stream goes on when everything that `other` has now is done.
  void follow(void* other);

  /// Events (cudaEvent_t) for calls that are ordered with the stream by events. `before` is recorded by mark, the
  /// stream waits for `after` in follow_call.
  void* before_call() const;
  void* after_call() const;
  void mark();
  void follow_call();

 private:
  struct State;
  int index_;
  std::size_t memory_bytes_;
  std::size_t used_ = 0;
  std::unique_ptr<State> state_;
  void* stream_ = nullptr;
};

}  // namespace crossdock::tools::gpu
