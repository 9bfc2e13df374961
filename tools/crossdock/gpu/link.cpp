#include "gpu/link.hpp"

#include <algorithm>
#include <cstddef>

#include "gpu/cuda_call.hpp"
#include "gpu/link_kernels.hpp"
#include "gpu/side.hpp"

namespace crossdock::tools::gpu {
namespace {

constexpr std::size_t kEngineBytes = std::size_t{512} << 20;
constexpr int kEngineCopies = 10;
constexpr std::size_t kSmBytes = std::size_t{kCopyChunk} * 32768;  // 235 MB: four times the L2
constexpr int kSmCopies = 5;
constexpr int kRounds = 20'000;

void copy_by_engines(const Ring& ring, int copies) {
  for (int i = 0; i < copies; ++i) {
    for (std::size_t at = 0; at < ring.size(); ++at) {
      ring[at].use();
      check(cudaMemcpyPeerAsync(ring[at + 1].to(), ring[at + 1].device(), ring[at].from(), ring[at].device(),
                                kEngineBytes, ring[at].stream()),
            "cudaMemcpyPeerAsync");
    }
  }
}

}  // namespace

double copy_engine_rate(int num_devices) {
  const Ring ring(num_devices, kEngineBytes);
  copy_by_engines(ring, 3);
  ring.begin();
  copy_by_engines(ring, kEngineCopies);
  return static_cast<double>(kEngineBytes) * kEngineCopies / ring.end() * 1e-3;
}

struct LinkBench::State {
  explicit State(int num_devices) : ring(num_devices, kSmBytes) {
    ring.for_each([](const Side& side) {
      side.use();
      load_link_kernels();
    });
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, ring[0].device()), "cudaGetDeviceProperties");
    has_bulk = properties.major >= 9;
  }

  void copy(Way way, bool bulk, int num_sms, int copies) const {
    for (int i = 0; i < copies; ++i) {
      for (std::size_t at = 0; at < ring.size(); ++at) {
        const CopyArgs args{.to = ring[way == Way::kStore ? at + 1 : at].to(),
                            .from = ring[way == Way::kLoad ? at + 1 : at].from(),
                            .bytes = kSmBytes};
        ring[at].use();
        bulk ? launch_bulk_copy(args, num_sms, ring[at].stream()) : launch_plain_copy(args, num_sms, ring[at].stream());
      }
    }
  }

  Ring ring;
  bool has_bulk = false;
};

LinkBench::LinkBench(int num_devices) : state_(std::make_unique<State>(num_devices)) {}
LinkBench::~LinkBench() = default;

double LinkBench::copy_rate(Way way, bool bulk, int num_sms) const {
  state_->copy(way, bulk, num_sms, 1);
  state_->ring.begin();
  state_->copy(way, bulk, num_sms, kSmCopies);
  return static_cast<double>(kSmBytes) * kSmCopies / state_->ring.end() * 1e-3;
}

double LinkBench::best_rate(Way way, int num_sms) const {
  const double plain = copy_rate(way, false, num_sms);
  return state_->has_bulk ? std::max(plain, copy_rate(way, true, num_sms)) : plain;
}

double LinkBench::round_trip_us() const {
  const Ring& ring = state_->ring;
  const auto flag = [&](std::size_t at) { return reinterpret_cast<std::uint64_t*>(ring[at].to()); };
  for (std::size_t at = 0; at < 2; ++at) {
    ring[at].use();
    check(cudaMemset(flag(at), 0, sizeof(std::uint64_t)), "cudaMemset");
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  }
  ring.begin();
  for (std::size_t at = 0; at < 2; ++at) {
    ring[at].use();
    launch_ping_pong(flag(at), flag(at + 1), kRounds, at == 0, ring[at].stream());
  }
  return ring.end() / kRounds;
}

}  // namespace crossdock::tools::gpu
