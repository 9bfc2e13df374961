#include "runtime/device.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "simt/fail.hpp"

namespace crossdock::emulator {
namespace {

constexpr int kDefaultDevices = 2;
constexpr int kDefaultSms = 132;

struct Devices {
  std::vector<std::unique_ptr<Device>> all;
  pid_t process = 0;  ///< that used CUDA first
};

int number_from_environment(const char* name, int otherwise) {
  constexpr int kMost = 1024;
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  const long number = std::strtol(text, nullptr, 10);
  if (number < 1 || number > kMost) fail(std::string(name) + ": expected 1 to 1024, got " + text);
  return static_cast<int>(number);
}

Devices* make_devices() {
  auto* devices = new Devices;
  devices->process = ::getpid();
  const int count = number_from_environment("EMULATED_GPUS", kDefaultDevices);
  const int sms = number_from_environment("EMULATED_SMS", kDefaultSms);
  for (int i = 0; i < count; ++i) devices->all.push_back(std::make_unique<Device>(i, sms));
  return devices;
}

/// Never destroyed: streams may be at work at the end of the process.
Devices& devices() {
  static Devices* const all = make_devices();
  return *all;
}

thread_local int current = 0;

}  // namespace

std::shared_ptr<Stream> Device::default_stream() {
  std::call_once(default_made_, [this] { default_ = Stream::make(*this); });
  return default_;
}

void Device::enter(const std::shared_ptr<Stream>& stream) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(streams_, [](const auto& one) { return one.expired(); });
  streams_.push_back(stream);
}

std::vector<std::shared_ptr<Stream>> Device::streams() {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<Stream>> live;
  for (const auto& one : streams_) {
    if (auto stream = one.lock()) live.push_back(std::move(stream));
  }
  return live;
}

void Device::wait() {
  std::vector<std::shared_ptr<Completion>> marks;
  for (const auto& stream : streams()) marks.push_back(stream->mark());
  for (const auto& mark : marks) mark->wait();
}

bool Device::enable_peer(int peer) {
  const std::scoped_lock lock(mutex_);
  return peers_.insert(peer).second;
}

Device* find_device(int index) {
  auto& all = devices().all;
  const auto place = static_cast<std::size_t>(index);
  return place < all.size() ? all[place].get() : nullptr;
}

Device& current_device() { return *find_device(current); }

void set_current_device(const Device& device) { current = device.index(); }

int count_devices() { return static_cast<int>(devices().all.size()); }

bool is_forked() { return devices().process != ::getpid(); }

}  // namespace crossdock::emulator
