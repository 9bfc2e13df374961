#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/gpu_report.hpp"
#include "crossdock/error.hpp"

namespace crossdock::tools::bench {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const GpuCellReport& cell) {
  Json json = {{"operation", cell.operation},
               {"sms", cell.sms},
               {"median_us", cell.us},
               {"limit_us", cell.limit_us},
               {"over_limit", cell.over_limit()}};
  if (cell.sm_limit_us > 0) {
    json["sm_limit_us"] = cell.sm_limit_us;
    json["over_sm_limit"] = cell.over_sm_limit();
  }
  return json;
}

Json to_json(const GpuReport& report) {
  Json json = {{"mode", report.mode},
               {"layout", report.layout},
               {"dtype", report.dtype},
               {"combine_dtype", report.combine_dtype},
               {"routing", report.routing},
               {"window_sharing", report.window_sharing},
               {"tokens", report.tokens},
               {"top_k", report.top_k},
               {"samples", report.samples},
               {"rows_to_other_ranks", report.peer_rows},
               {"copy_engine_gb_per_s", report.copy_engine_gbps},
               {"verified_bytes", report.verified_bytes},
               {"differences", report.differences},
               {"first_difference", report.first_difference},
               {"sm_rates", Json::array()},
               {"results", Json::array()}};
  for (std::size_t i = 0; i < report.sm_rates.size(); ++i) {
    json["sm_rates"].push_back({{"sms", report.sms[i]},
                                {"store_gb_per_s", report.sm_rates[i].store_gbps},
                                {"load_gb_per_s", report.sm_rates[i].load_gbps}});
  }
  for (const GpuCellReport& cell : report.cells) json["results"].push_back(to_json(cell));
  return json;
}

}  // namespace

void write_gpu_json(const std::string& path, const BenchOptions& options, const std::string& gpu,
                    const std::vector<GpuReport>& reports) {
  Json json = {{"gpu", gpu},
               {"ranks", options.num_ranks()},
               {"ranks_are", options.threads ? "threads" : "processes"},
               {"hidden", options.hidden},
               {"experts", options.experts},
               {"seed", options.seed},
               {"modes", Json::array()}};
  for (const GpuReport& report : reports) json["modes"].push_back(to_json(report));
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.close();
  if (!file) throw Error(ErrorCode::kSystem, fmt::format("--json: {} cannot be written", path));
}

}  // namespace crossdock::tools::bench
