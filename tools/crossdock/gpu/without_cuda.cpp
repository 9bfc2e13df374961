// The folder in a build without CUDA: there are no GPUs, and nothing can be done with one.
#include "crossdock/error.hpp"
#include "gpu/device.hpp"
#include "gpu/graph.hpp"
#include "gpu/hash.hpp"
#include "gpu/link.hpp"
#include "gpu/timer.hpp"

namespace crossdock::tools::gpu {
namespace {

[[noreturn]] void refuse() { throw Error(ErrorCode::kInvalidArgument, "this program was built without CUDA"); }

}  // namespace

bool is_built() { return false; }
int count_devices() { return 0; }
std::string describe_device(int) { refuse(); }

struct Device::State {};

Device::Device(int index, std::size_t memory_bytes) : index_(index), memory_bytes_(memory_bytes) { refuse(); }
Device::~Device() = default;
int Device::num_sms() const { refuse(); }
void* Device::own_stream() const { refuse(); }
void* Device::before_call() const { refuse(); }
void* Device::after_call() const { refuse(); }
void* Device::take(std::size_t) { refuse(); }
void Device::fill(void*, std::byte, std::size_t) { refuse(); }
void Device::copy(void*, const void*, std::size_t) { refuse(); }
void Device::upload(void*, const void*, std::size_t) { refuse(); }
void Device::download(void*, const void*, std::size_t) { refuse(); }
void Device::wait() { refuse(); }
void Device::mark() { refuse(); }
void Device::follow(void*) { refuse(); }
void Device::follow_call() { refuse(); }

HashCheck::HashCheck(Device& device) : device_(device), state_(nullptr) { refuse(); }
void HashCheck::add(std::size_t, std::span<const HashedMemory>) { refuse(); }
void HashCheck::end(const void*) { refuse(); }
Verdict HashCheck::verdict() { refuse(); }

Graph::Graph(Device& device, const std::function<void()>&) : device_(device) { refuse(); }
Graph::~Graph() = default;
void Graph::launch() const { refuse(); }

Marks::Marks(Device& device, std::size_t) : device_(device) { refuse(); }
Marks::~Marks() = default;
void Marks::set(std::size_t) { refuse(); }
double Marks::us_between(std::size_t, std::size_t) const { refuse(); }
Pause::Pause(Device& device) : device_(device) { refuse(); }
void Pause::start(int) { refuse(); }

double copy_engine_rate(int) { refuse(); }
struct LinkBench::State {};
LinkBench::LinkBench(int) { refuse(); }
LinkBench::~LinkBench() = default;
double LinkBench::copy_rate(Way, bool, int) const { refuse(); }
double LinkBench::best_rate(Way, int) const { refuse(); }
double LinkBench::round_trip_us() const { refuse(); }

}  // namespace crossdock::tools::gpu
