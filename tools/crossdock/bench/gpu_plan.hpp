// What a benchmark on GPUs measures, and where ranks leave it for the parent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measurements.hpp"
#include "bench/options.hpp"
#include "bench/scenario.hpp"
#include "crossdock/world.hpp"
#include "launch/shared.hpp"
#include "spread.hpp"

namespace crossdock::tools::bench {

/// Throughput mode:
///   kDispatch  with max_recv_rows: nobody waits for the host. kCached: the same by the routing of a handle.
///   kExact     the host waits for the counts
///   kCombine   rows in the window
/// Latency mode, in a graph of kPairs dispatches and combines, each a share of a replay:
///   kPair                       both together, nothing between
///   kPairDispatch, kPairCombine each by marks between them; the first pair of a replay is left out
enum class Timed : std::uint8_t { kDispatch, kCached, kExact, kCombine, kPair, kPairDispatch, kPairCombine };
const char* name_of(Timed timed);
inline constexpr std::size_t kPairs = 20;

struct TimedCell {
  Timed what = Timed::kDispatch;
  int sms = 0;  ///< 0 = the group's choice
};
std::string text_of_sms(int sms);

struct GpuPlan {
  Scenario scenario;
  std::vector<int> sms;
  std::vector<TimedCell> cells;  ///< operation by operation, one for each of sms
  int warmup = 0;
  int samples = 0;        ///< calls, or replays of a graph
  double peer_rows = 0;   ///< rows a (token, other rank) that a rank sends in a call, mean of ranks and input sets
  std::int64_t rows = 0;  ///< the most rows of the layout that arrive at a rank

  /// Bytes of peer_rows.
  double dispatch_peer_bytes() const;
  double combine_peer_bytes() const;
};

GpuPlan make_gpu_plan(const BenchOptions& options, Mode mode);

/// What a number of SMs of each GPU stores to a peer and loads from it, all GPUs at once; 0 = not measured.
struct SmRates {
  double store_gbps = 0;
  double load_gbps = 0;
};

class GpuMeasurements {
 public:
  explicit GpuMeasurements(const GpuPlan& plan)
      : num_ranks_(static_cast<std::size_t>(plan.scenario.num_ranks)),
        samples_(static_cast<std::size_t>(plan.samples)),
        us_(plan.cells.size() * samples_ * num_ranks_),
        records_(num_ranks_),
        rate_(1),
        sm_rates_(plan.sms.size()),
        window_sharing_(1) {}

  double& us(std::size_t cell, std::size_t sample, std::size_t rank) {
    return us_[(cell * samples_ + sample) * num_ranks_ + rank];
  }
  /// Traffic is left out: the host does not know it.
  RankRecord& record(std::size_t rank) { return records_[rank]; }
  double& copy_engine_gbps() { return rate_[0]; }
  /// Of the SM count at that place of GpuPlan::sms.
  SmRates& sm_rates(std::size_t index) { return sm_rates_[index]; }
  WindowSharing& window_sharing() { return window_sharing_[0]; }

  /// Of the slower rank's times.
  Spread spread_us(std::size_t cell);

  /// With ranks of a launcher: gives every rank what all of them have measured. Collective.
  void gather(const World& world);

 private:
  std::size_t num_ranks_;
  std::size_t samples_;
  SharedArray<double> us_;
  SharedArray<RankRecord> records_;
  SharedArray<double> rate_;
  SharedArray<SmRates> sm_rates_;
  SharedArray<WindowSharing> window_sharing_;
};

}  // namespace crossdock::tools::bench
