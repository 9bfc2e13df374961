// The numbers of a run, for people and for programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/measurements.hpp"
#include "bench/options.hpp"
#include "bench/scenario.hpp"
#include "provenance.hpp"
#include "spread.hpp"

namespace crossdock::tools::bench {

/// One operation, all ranks together. A call's time is the longest of its ranks.
struct OperationReport {
  std::string operation;
  std::string dtype;
  std::int64_t rows = 0;
  double first_us = 0;
  Spread us;  ///< of the timed calls
  Traffic traffic;
  double logical_gbps = 0;           ///< traffic.logical_bytes over the median
  double remote_gbps = 0;            ///< one node: traffic.peer_bytes; several: traffic.node_bytes
  std::int64_t moved_bytes = 0;      ///< inputs read once and outputs written once, as a call has to
  double limit_share = 0;            ///< moved_bytes over the median, over what copies read and write (copy limit x 2)
  std::uint64_t verified_bytes = 0;  ///< 0 = not verified
  std::uint64_t differences = 0;
  std::string first_difference;  ///< names the rank
};

struct ModeReport {
  std::string mode;
  std::string layout;
  std::string tree;
  std::string routing;
  std::int64_t tokens = 0;
  int top_k = 0;
  int input_sets = 0;
  std::size_t calls = 0;  ///< of each operation: the first one, the warm-up and the timed ones
  int num_nodes = 1;
  double copy_limit_gbps = 0;  ///< bytes copied: each is read and written
  std::size_t copy_bytes = 0;  ///< of each rank
  std::string note;            ///< what was changed to fit the memory
  bool verified = false;
  std::vector<OperationReport> operations;

  bool ok() const;
};

ModeReport make_report(const BenchOptions& options, const Scenario& scenario, Measurements& measurements,
                       std::size_t copy_bytes);

/// Lines above the table: what was run.
std::string describe_run(const BenchOptions& options, const ModeReport& report);
/// The table and, under it, what was verified.
std::string format_table(const ModeReport& report);

/// Everything as JSON.
std::string to_json(const Provenance& provenance, const BenchOptions& options, const std::string& cpu,
                    const std::vector<ModeReport>& reports);

}  // namespace crossdock::tools::bench
