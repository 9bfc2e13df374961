#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/report.hpp"
#include "crossdock/error.hpp"

namespace crossdock::tools::bench {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const OperationReport& operation) {
  return {{"operation", operation.operation},
          {"dtype", operation.dtype},
          {"rows", operation.rows},
          {"first_us", operation.first_us},
          {"median_us", operation.median_us},
          {"logical_bytes", operation.traffic.logical_bytes},
          {"peer_bytes", operation.traffic.peer_bytes},
          {"node_bytes", operation.traffic.node_bytes},
          {"logical_gb_per_s", operation.logical_gbps},
          {"remote_gb_per_s", operation.remote_gbps},
          {"share_of_copy_limit", operation.limit_share},
          {"verified_bytes", operation.verified_bytes},
          {"differences", operation.differences},
          {"first_difference", operation.first_difference}};
}

Json to_json(const ModeReport& report) {
  Json json = {{"mode", report.mode},
               {"layout", report.layout},
               {"tree", report.tree},
               {"routing", report.routing},
               {"tokens", report.tokens},
               {"top_k", report.top_k},
               {"input_sets", report.input_sets},
               {"copy_limit_gb_per_s", report.copy_limit_gbps},
               {"copy_bytes_a_rank", report.copy_bytes},
               {"note", report.note},
               {"verified", report.verified},
               {"operations", Json::array()}};
  for (const OperationReport& operation : report.operations) json["operations"].push_back(to_json(operation));
  return json;
}

Json to_json(const BenchOptions& options) {
  return {{"nodes", options.nodes},
          {"ranks_per_node", options.ranks_per_node},
          {"ranks_are", options.threads ? "threads" : "processes"},
          {"hidden", options.hidden},
          {"experts", options.experts},
          {"groups", options.groups},
          {"topk_groups", options.topk_groups},
          {"dtype", options.dtype},
          {"iterations", options.iterations_on(Backend::kCpu)},
          {"warmup", options.warmup},
          {"seed", options.seed}};
}

}  // namespace

void write_json(const std::string& path, const BenchOptions& options, const std::string& cpu,
                const std::vector<ModeReport>& reports) {
  Json json = {{"cpu", cpu}, {"options", to_json(options)}, {"modes", Json::array()}};
  for (const ModeReport& report : reports) json["modes"].push_back(to_json(report));
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.close();
  if (!file) throw Error(ErrorCode::kSystem, fmt::format("--json: {} cannot be written", path));
}

}  // namespace crossdock::tools::bench
