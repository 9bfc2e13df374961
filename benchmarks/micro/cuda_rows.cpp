// Time of dispatch and combine between two GPUs of one process, over SM counts and kernel variants.
// cuda_rows OUT.json [--default-variants]
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "crossdock/world.hpp"
#include "gpu/link.hpp"
#include "harness/gpu_rank.hpp"
#include "harness/json.hpp"
#include "harness/pause.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/dispatch/dispatch.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::micro {
namespace {

using kernels::check_cuda;

constexpr int kRanks = 2;
constexpr int kTokens = 4096;
constexpr int kHidden = 7168;
constexpr int kTopK = 8;
constexpr int kExperts = 256;
constexpr int kSets = 8;  ///< routings, each with an x of its own: x does not stay in the L2
constexpr int kWarmUp = 6;
constexpr int kCalls = 40;
constexpr int kQueueingUs = 3000;

struct Kind {
  const char* name;
  int row_bytes;
  int scale_words;
};
constexpr Kind kFp8{"dispatch fp8", kHidden, kHidden / 128};
constexpr Kind kBf16{"dispatch bf16", 2 * kHidden, 0};

std::vector<std::int32_t> draw_routing(std::mt19937& random) {
  std::vector<std::int32_t> idx;
  std::array<std::int32_t, kExperts> experts{};
  for (int i = 0; i < kExperts; ++i) experts[static_cast<std::size_t>(i)] = i;
  for (int token = 0; token < kTokens; ++token) {
    for (int k = 0; k < kTopK; ++k) {
      std::swap(experts[static_cast<std::size_t>(k)],
                experts[static_cast<std::size_t>(k) + random() % static_cast<unsigned>(kExperts - k)]);
      idx.push_back(experts[static_cast<std::size_t>(k)]);
    }
  }
  return idx;
}

/// Tokens that go to the other rank.
int rows_to_peer(const std::vector<std::int32_t>& idx, int rank) {
  int rows = 0;
  for (int token = 0; token < kTokens; ++token) {
    bool goes = false;
    for (int k = 0; k < kTopK; ++k)
      goes |= idx[static_cast<std::size_t>(token * kTopK + k)] / (kExperts / kRanks) != rank;
    rows += goes;
  }
  return rows;
}

/// One rank's inputs: kSets of them.
struct Inputs {
  std::vector<gpu::DeviceBuffer> x, idx;
  gpu::DeviceBuffer scales, weights;
  double peer_rows = 0;
};

Inputs make_inputs(const gpu::GpuRank& rank, std::mt19937& random) {
  rank.use_device();
  Inputs inputs;
  for (int set = 0; set < kSets; ++set) {
    std::vector<std::uint32_t> x(std::size_t{kTokens} * kHidden / 2);
    for (auto& word : x) word = static_cast<std::uint32_t>(random()) & 0xBFFF'BFFFU;  // finite bf16
    const std::vector<std::int32_t> idx = draw_routing(random);
    inputs.peer_rows += static_cast<double>(rows_to_peer(idx, rank.rank())) / kSets;
    inputs.x.push_back(gpu::DeviceBuffer::copy_of(x));
    inputs.idx.push_back(gpu::DeviceBuffer::copy_of(idx));
  }
  inputs.scales = gpu::DeviceBuffer::copy_of(std::vector<float>(std::size_t{kTokens} * kFp8.scale_words, 0.5F));
  inputs.weights = gpu::DeviceBuffer::copy_of(std::vector<float>(std::size_t{kTokens} * kTopK, 0.125F));
  check_cuda(cudaDeviceSynchronize(), "inputs");
  return inputs;
}

gpu::DispatchSource source_of(const Inputs& inputs, const Kind& kind, std::size_t set) {
  return {.num_tokens = kTokens,
          .top_k = kTopK,
          .row_bytes = kind.row_bytes,
          .scale_words = kind.scale_words,
          .x = inputs.x[set].as<std::byte>(),
          .scales = kind.scale_words > 0 ? inputs.scales.as<std::uint32_t>() : nullptr,
          .topk_idx = inputs.idx[set].as<void>(),
          .topk_weights = inputs.weights.as<float>()};
}

class Bench {
 public:
  Bench() {
    const std::vector<World> worlds = World::threads(kRanks);
    const gpu::RankLimits limits{.num_ranks = kRanks,
                                 .num_experts = kExperts,
                                 .max_tokens = kTokens,
                                 .max_row_bytes = kBf16.row_bytes,
                                 .max_scale_words = kFp8.scale_words};
    std::vector<std::thread> threads;
    for (int rank = 0; rank < kRanks; ++rank) {
      threads.emplace_back([&, rank] {
        ranks_[static_cast<std::size_t>(rank)] =
            std::make_unique<gpu::GpuRank>(*worlds[static_cast<std::size_t>(rank)].bootstrap(), rank, limits);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::mt19937 random(1);
    for (const auto& rank : ranks_) inputs_.push_back(make_inputs(*rank, random));
    for (const auto& rank : ranks_) {
      rank->use_device();
      fill_combine_rows(*rank);
      for (auto& event : events_[static_cast<std::size_t>(rank->rank())])
        check_cuda(cudaEventCreate(&event), "cudaEventCreate");
    }
  }

  /// Rows that a rank sends to the other one, mean of both.
  double peer_rows() const { return (inputs_[0].peer_rows + inputs_[1].peer_rows) / 2; }

  double routing_and_dispatch(const Kind& kind, int num_sms, const kernels::DispatchVariant& variant, bool routed) {
    return time(
        [&](const gpu::GpuRank& rank, std::size_t set) {
          const gpu::DispatchSource source = source_of(inputs_[static_cast<std::size_t>(rank.rank())], kind, set);
          if (!routed) kernels::launch_routing(rank.routing(source), rank.stream());
          kernels::launch_dispatch(rank.dispatch(source, std::int64_t{kTokens} * kRanks), num_sms, variant,
                                   rank.stream());
        },
        routed);
  }

  double routing() {
    return time(
        [&](const gpu::GpuRank& rank, std::size_t set) {
          kernels::launch_routing(rank.routing(source_of(inputs_[static_cast<std::size_t>(rank.rank())], kFp8, set)),
                                  rank.stream());
        },
        false);
  }

  /// No token anywhere: launch, announcements and arrival alone.
  double empty_dispatch(int num_sms) {
    return time(
        [&](const gpu::GpuRank& rank, std::size_t set) {
          gpu::DispatchSource source = source_of(inputs_[static_cast<std::size_t>(rank.rank())], kFp8, set);
          source.num_tokens = 0;
          kernels::launch_dispatch(rank.dispatch(source, 0), num_sms, kernels::dispatch_variants().front(),
                                   rank.stream());
        },
        true);
  }

  double empty_combine(int num_sms) {
    return time(
        [&](const gpu::GpuRank& rank, std::size_t set) {
          gpu::DispatchSource source = source_of(inputs_[static_cast<std::size_t>(rank.rank())], kBf16, set);
          source.num_tokens = 0;
          kernels::launch_combine(rank.combine(source), num_sms, kernels::combine_variants().front(), rank.stream());
        },
        true);
  }

  /// No routing either, nor another rank: what two events and a launch cost.
  double launch() {
    return time(
        [&](const gpu::GpuRank& rank, std::size_t set) {
          gpu::DispatchSource source = source_of(inputs_[static_cast<std::size_t>(rank.rank())], kFp8, set);
          source.num_tokens = 0;
          kernels::launch_routing(rank.routing(source), rank.stream());
        },
        false);
  }

  double combine(int num_sms, const kernels::CombineVariant& variant) {
    return time(
        [&](const gpu::GpuRank& rank, std::size_t set) {
          kernels::launch_combine(rank.combine(source_of(inputs_[static_cast<std::size_t>(rank.rank())], kBf16, set)),
                                  num_sms, variant, rank.stream());
        },
        true);
  }

 private:
  void fill_combine_rows(const gpu::GpuRank& rank) const {
    constexpr std::size_t kBytes = std::size_t{kTokens} * kBf16.row_bytes;
    for (std::size_t half = 0; half < kRanks; ++half) {
      const auto& x = inputs_[static_cast<std::size_t>(rank.rank())].x[half];
      check_cuda(cudaMemcpy(rank.combine_rows() + half * kBytes, x.as<void>(), kBytes, cudaMemcpyDeviceToDevice),
                 "rows");
    }
  }

  /// Median over calls of the slower rank's time. Streams stand still while calls are queued, so that none waits for
  /// the host; after the first one ranks start together.
  template <typename Launch>
  double time(const Launch& launch, bool one_set) {
    for (const auto& rank : ranks_) {
      rank->use_device();
      launch_pause(kQueueingUs, rank->stream());
    }
    for (int call = 0; call < kWarmUp + kCalls; ++call) {
      const auto set = one_set ? last_set_ : static_cast<std::size_t>(call % kSets);
      last_set_ = set;
      for (const auto& rank : ranks_) {
        auto& events = events_[static_cast<std::size_t>(rank->rank())];
        rank->use_device();
        const auto at = static_cast<std::size_t>(2 * (call < kWarmUp ? 0 : call - kWarmUp));
        check_cuda(cudaEventRecord(events[at], rank->stream()), "cudaEventRecord");
        launch(*rank, set);
        check_cuda(cudaEventRecord(events[at + 1], rank->stream()), "cudaEventRecord");
      }
    }
    std::vector<double> times(kCalls, 0);
    for (const auto& rank : ranks_) {
      rank->use_device();
      check_cuda(cudaStreamSynchronize(rank->stream()), "calls");
      if (rank->report().written != 0) throw std::runtime_error("a wait gave up");
      for (std::size_t call = 0; call < kCalls; ++call) {
        float milliseconds = 0;
        const auto& events = events_[static_cast<std::size_t>(rank->rank())];
        check_cuda(cudaEventElapsedTime(&milliseconds, events[2 * call], events[2 * call + 1]), "cudaEventElapsedTime");
        times[call] = std::max(times[call], double{milliseconds} * 1e3);
      }
    }
    return median(times);
  }

  std::array<std::unique_ptr<gpu::GpuRank>, kRanks> ranks_;
  std::vector<Inputs> inputs_;
  std::array<std::array<cudaEvent_t, 2 * kCalls>, kRanks> events_{};
  std::size_t last_set_ = 0;
};

std::string name_of(const kernels::DispatchVariant& v) {
  return fmt::format("{}r{}m s{} u{} {}B", v.row_warps, v.meta_warps, v.stages, v.unread_stores, v.chunk_bytes);
}

std::string name_of(const kernels::CombineVariant& v) {
  return fmt::format("{}w s{} {}B", v.warps, v.stages, v.piece_bytes);
}

constexpr std::array kSmCounts{1, 2, 4, 8, 12, 16, 20, 24, 32, 64};

class Table {
 public:
  Table(double rate, double peer_rows) : rate_(rate), peer_rows_(peer_rows) {}

  void head(const std::string& title, int row_bytes) {
    limit_ = peer_rows_ * row_bytes / rate_ * 1e-3;
    fmt::print("\n{}: limit {:.1f} us, then times in us\n{:<28}", title, limit_, "SMs");
    for (const int sms : kSmCounts) fmt::print("{:>8}", sms);
    fmt::print("\n");
    title_ = title;
  }
  void begin(const std::string& name) {
    name_ = name;
    fmt::print("{:<28}", name);
  }
  void add(int sms, double us) {
    fmt::print("{:>8.1f}", us);
    std::fflush(stdout);
    Record record;
    record.text("what", title_).text("variant", name_).number("sms", sms).number("us", us).number("limit_us", limit_);
    records_.push_back(record.number("over_limit", us / limit_));
    if (sms == kSmCounts.back()) fmt::print("\n");
  }
  std::vector<Record>& records() { return records_; }

 private:
  double rate_;
  double peer_rows_;
  double limit_ = 0;
  std::string title_;
  std::string name_;
  std::vector<Record> records_;
};

void run(const std::string& path, bool only_default) {
  const double rate = tools::gpu::copy_engine_rate(kRanks);
  Bench bench;
  Table table(rate, bench.peer_rows());
  table.records().push_back(describe_machine().number("copy_engine_gbs", rate).number("peer_rows", bench.peer_rows()));
  fmt::print("copy engine {:.1f} GB/s a direction, {:.0f} rows to the peer\n", rate, bench.peer_rows());
  const double routing_us = bench.routing();
  table.records().push_back(Record().text("what", "routing").number("us", routing_us));

  const auto dispatches = kernels::dispatch_variants().first(only_default ? 1 : kernels::dispatch_variants().size());
  for (const Kind& kind : {kFp8, kBf16}) {
    const int bytes = kind.row_bytes + 4 * kind.scale_words;
    for (const bool routed : {false, true}) {
      table.head(fmt::format("{}, {}", kind.name, routed ? "routing kept" : "all"), bytes);
      for (const auto& variant : dispatches) {
        table.begin(name_of(variant));
        for (const int sms : kSmCounts) table.add(sms, bench.routing_and_dispatch(kind, sms, variant, routed));
      }
    }
  }
  const auto combines = kernels::combine_variants().first(only_default ? 1 : kernels::combine_variants().size());
  table.head("combine bf16", kBf16.row_bytes);
  for (const auto& variant : combines) {
    table.begin(name_of(variant));
    for (const int sms : kSmCounts) table.add(sms, bench.combine(sms, variant));
  }
  const double launch_us = bench.launch();
  const double dispatch_us = bench.empty_dispatch(16);
  const double combine_us = bench.empty_combine(16);
  fmt::print("\nrouting {:.1f} us; of 0 tokens: routing {:.1f}, dispatch {:.1f}, combine {:.1f} us\n", routing_us,
             launch_us, dispatch_us, combine_us);
  table.records().push_back(Record()
                                .text("what", "no tokens")
                                .number("routing_us", launch_us)
                                .number("dispatch_us", dispatch_us)
                                .number("combine_us", combine_us));
  write_json(path, table.records());
}

}  // namespace
}  // namespace crossdock::micro

int main(int argc, char** argv) try {
  if (argc < 2) {
    fmt::print(stderr, "cuda_rows OUT.json [--default-variants]\n");
    return 2;
  }
  crossdock::micro::run(argv[1], argc > 2 && std::strcmp(argv[2], "--default-variants") == 0);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "cuda_rows: {}\n", error.what());
  return 1;
}
