#include "json.hpp"

#include "bench/report.hpp"

namespace crossdock::tools::bench {
namespace {

Json to_json(const OperationReport& operation) {
  Json json = {{"operation", operation.operation},
               {"dtype", operation.dtype},
               {"rows", operation.rows},
               {"first_us", operation.first_us}};
  add_spread(operation.us, json);
  json.update({{"logical_bytes", operation.traffic.logical_bytes},
               {"peer_bytes", operation.traffic.peer_bytes},
               {"node_bytes", operation.traffic.node_bytes},
               {"moved_bytes", operation.moved_bytes},
               {"logical_gb_per_s", operation.logical_gbps},
               {"remote_gb_per_s", operation.remote_gbps},
               {"share_of_copy_limit", operation.limit_share},
               {"verified_bytes", operation.verified_bytes},
               {"differences", operation.differences},
               {"first_difference", operation.first_difference}});
  return json;
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
               {"verified", report.verified ? "last call" : "nothing"},
               {"calls", report.calls},
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
          {"warmup", options.warmup_on(Backend::kCpu)},
          {"seed", options.seed}};
}

}  // namespace

std::string to_json(const Provenance& provenance, const BenchOptions& options, const std::string& cpu,
                    const std::vector<ModeReport>& reports) {
  Json json = tools::to_json(provenance);
  json.update({{"cpu", cpu}, {"options", to_json(options)}, {"modes", Json::array()}});
  for (const ModeReport& report : reports) json["modes"].push_back(to_json(report));
  return text_of(json);
}

}  // namespace crossdock::tools::bench
