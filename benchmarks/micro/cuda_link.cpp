// What two GPUs can do for each other: copy engines, stores and loads by SMs, flags. cuda_link OUT.json
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "harness/copy_engine.hpp"
#include "harness/device_buffer.hpp"
#include "harness/json.hpp"
#include "link_kernels.hpp"

namespace crossdock::micro {
namespace {

using kernels::check_cuda;

constexpr std::size_t kBytes = std::size_t{kBulkChunk} * 32768;  // 235 MB: four times the L2
constexpr int kRepetitions = 5;
constexpr std::array kSmCounts{1, 2, 4, 8, 12, 16, 20, 24, 32, 64, 132};

struct Gpu {
  gpu::DeviceBuffer from, to, flag;
  cudaStream_t stream = nullptr;
  cudaEvent_t start = nullptr, end = nullptr;
};

class Link {
 public:
  Link() {
    for (int device = 0; device < 2; ++device) {
      use(device);
      Gpu& gpu = gpus_[static_cast<std::size_t>(device)];
      std::vector<std::uint32_t> noise(kBytes / 4);
      std::uint32_t state = 1;
      for (auto& word : noise) word = state = state * 1664525U + 1013904223U;
      gpu.from = gpu::DeviceBuffer::copy_of(noise);
      gpu.to = gpu::DeviceBuffer(kBytes);
      gpu.flag = gpu::DeviceBuffer(sizeof(std::uint64_t));
      check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
      check_cuda(cudaStreamCreateWithFlags(&gpu.stream, cudaStreamNonBlocking), "cudaStreamCreate");
      check_cuda(cudaEventCreate(&gpu.start), "cudaEventCreate");
      check_cuda(cudaEventCreate(&gpu.end), "cudaEventCreate");
    }
  }

  enum class Way { kStore, kLoad, kLocal };

  /// GB/s a GPU, both at once.
  double copy_rate(Way way, bool bulk, int num_sms) {
    const auto launch = [&](std::size_t device) {
      const std::size_t other = 1 - device;
      const CopyArgs args{.to = gpus_[way == Way::kStore ? other : device].to.as<std::byte>(),
                          .from = gpus_[way == Way::kLoad ? other : device].from.as<std::byte>(),
                          .bytes = kBytes};
      if (bulk) {
        launch_bulk_copy(args, num_sms, gpus_[device].stream);
      } else {
        launch_plain_copy(args, num_sms, gpus_[device].stream);
      }
    };
    time(1, launch);
    return static_cast<double>(kBytes) * kRepetitions / time(kRepetitions, launch) * 1e-3;
  }

  double round_trip_us() {
    constexpr int kRounds = 20000;
    return time(1,
                [&](std::size_t device) {
                  launch_ping_pong(gpus_[device].flag.as<std::uint64_t>(), gpus_[1 - device].flag.as<std::uint64_t>(),
                                   kRounds, device == 0, gpus_[device].stream);
                }) /
           kRounds;
  }

 private:
  static void use(int device) { check_cuda(cudaSetDevice(device), "cudaSetDevice"); }

  /// Microseconds of the slower GPU.
  template <typename Launch>
  double time(int repetitions, const Launch& launch) {
    for (int device = 0; device < 2; ++device) {
      use(device);
      const Gpu& gpu = gpus_[static_cast<std::size_t>(device)];
      check_cuda(cudaEventRecord(gpu.start, gpu.stream), "cudaEventRecord");
    }
    for (int i = 0; i < repetitions; ++i) {
      for (int device = 0; device < 2; ++device) {
        use(device);
        launch(static_cast<std::size_t>(device));
      }
    }
    float slowest = 0;
    for (int device = 0; device < 2; ++device) {
      use(device);
      const Gpu& gpu = gpus_[static_cast<std::size_t>(device)];
      check_cuda(cudaEventRecord(gpu.end, gpu.stream), "cudaEventRecord");
    }
    for (int device = 0; device < 2; ++device) {
      const Gpu& gpu = gpus_[static_cast<std::size_t>(device)];
      float milliseconds = 0;
      check_cuda(cudaEventSynchronize(gpu.end), "cudaEventSynchronize");
      check_cuda(cudaEventElapsedTime(&milliseconds, gpu.start, gpu.end), "cudaEventElapsedTime");
      slowest = std::max(slowest, milliseconds);
    }
    return double{slowest} * 1e3;
  }

  std::array<Gpu, 2> gpus_;
};

void run(const std::string& path) {
  std::vector<Record> records;
  const double engine = copy_engine_rate();
  records.push_back(describe_machine().number("copy_engine_gbs", engine));
  Link link;
  const double round_trip = link.round_trip_us();
  records.push_back(Record().text("what", "flag round trip").number("us", round_trip));
  fmt::print("copy engine {:.1f} GB/s a direction, flag round trip {:.2f} us\n{:<16}", engine, round_trip, "GB/s, SMs");
  for (const int sms : kSmCounts) fmt::print("{:>7}", sms);
  fmt::print("\n");
  const auto row = [&](const char* name, Link::Way way, bool bulk) {
    fmt::print("{:<16}", name);
    for (const int sms : kSmCounts) {
      const double rate = link.copy_rate(way, bulk, sms);
      fmt::print("{:>7.1f}", rate);
      records.push_back(Record().text("what", name).number("sms", sms).number("gbs", rate));
    }
    fmt::print("\n");
  };
  row("plain store", Link::Way::kStore, false);
  row("bulk store", Link::Way::kStore, true);
  row("plain load", Link::Way::kLoad, false);
  row("bulk load", Link::Way::kLoad, true);
  row("plain local", Link::Way::kLocal, false);
  row("bulk local", Link::Way::kLocal, true);
  write_json(path, records);
}

}  // namespace
}  // namespace crossdock::micro

int main(int argc, char** argv) try {
  if (argc < 2) {
    fmt::print(stderr, "cuda_link OUT.json\n");
    return 2;
  }
  crossdock::micro::run(argv[1]);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "cuda_link: {}\n", error.what());
  return 1;
}
