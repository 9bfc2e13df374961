#include "bench/gpu_report.hpp"
#include "json.hpp"

namespace crossdock::tools::bench {
namespace {

Json to_json(const GpuCellReport& cell) {
  Json json = {{"operation", cell.operation}, {"sms", cell.sms}};
  add_spread(cell.us, json);
  json.update({{"limit_us", cell.limit_us}, {"over_limit", cell.over_limit()}});
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
               {"verified", report.verified_bytes > 0 ? "one call" : "nothing"},
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

std::string to_json(const Provenance& provenance, const BenchOptions& options, const std::string& gpu,
                    const std::vector<GpuReport>& reports) {
  Json json = tools::to_json(provenance);
  json.update({{"gpu", gpu},
               {"ranks", options.num_ranks()},
               {"ranks_are", options.threads ? "threads" : "processes"},
               {"hidden", options.hidden},
               {"experts", options.experts},
               {"seed", options.seed},
               {"modes", Json::array()}});
  for (const GpuReport& report : reports) json["modes"].push_back(to_json(report));
  return text_of(json);
}

}  // namespace crossdock::tools::bench
