// The devices of this process: EMULATED_GPUS (default 2) of EMULATED_SMS (default 132, as an H200) each.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "runtime/handle_table.hpp"
#include "runtime/stream.hpp"
#include "simt/sms.hpp"

namespace crossdock::emulator {

class Device {
 public:
  Device(int index, int num_sms) : index_(index), sms_(num_sms) {}

  int index() const { return index_; }
  Sms& sms() { return sms_; }

  /// CUDA's legacy one. Here it has no order with other streams: all of them are made as non-blocking ones, and others
  /// are refused.
  std::shared_ptr<Stream> default_stream();
  void enter(const std::shared_ptr<Stream>& stream);
  std::vector<std::shared_ptr<Stream>> streams();

  /// For all that was put on its streams.
  void wait();

  /// False where it was already.
  bool enable_peer(int peer);

 private:
  int index_;
  Sms sms_;
  std::once_flag default_made_;
  std::shared_ptr<Stream> default_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Stream>> streams_;
  std::set<int> peers_;
};

/// Null where there is no such device.
Device* find_device(int index);
int count_devices();

/// The calling thread's.
Device& current_device();
void set_current_device(const Device& device);

/// CUDA cannot be used by the child of a process that has used it: the child has none of the threads.
bool is_forked();

}  // namespace crossdock::emulator
