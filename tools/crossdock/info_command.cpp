#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "info.hpp"
#include "json.hpp"
#include "output_file.hpp"

namespace crossdock::tools {
namespace {

Json to_json(const LinkReport& report) {
  Json json = {{"gpu", report.gpu},
               {"gpus", report.num_gpus},
               {"copy_engine_gb_per_s", report.copy_engine_gbps},
               {"flag_round_trip_us", report.round_trip_us},
               {"sms", report.sms},
               {"gb_per_s", Json::object()}};
  for (const LinkRow& row : report.rows) json["gb_per_s"][row.name] = row.gbps;
  for (const auto& kernel : report.kernels) {
    json["kernels"].push_back({{"name", kernel.name},
                               {"threads", kernel.threads},
                               {"registers", kernel.registers},
                               {"static_shared_bytes", kernel.static_shared_bytes},
                               {"dynamic_shared_bytes", kernel.dynamic_shared_bytes},
                               {"blocks_per_sm", kernel.blocks_per_sm}});
  }
  return json;
}

Json to_json(const Machine& machine) {
  Json json = {{"cpu", machine.cpu},
               {"packages", machine.packages},
               {"cores", machine.cores},
               {"hardware_threads", machine.threads},
               {"numa_nodes", machine.numa_nodes},
               {"caches", Json::array()}};
  for (const Cache& cache : machine.caches) {
    json["caches"].push_back({{"level", cache.level}, {"count", cache.count}, {"bytes", cache.bytes}});
  }
  return json;
}

}  // namespace

std::string to_json(const Provenance& provenance, const Inventory& inventory, const LinkReport* links) {
  Json json = to_json(provenance);
  json.update({{"machine", to_json(inventory.machine)},
               {"free_memory", {{"bytes", inventory.memory.bytes}, {"bound", inventory.memory.bound}}},
               {"simd", inventory.simd},
               {"transports", Json::object()},
               {"backends", Json::object()},
               {"gpus", inventory.gpus},
               {"launcher", Json::object()}});
  for (const Offer& offer : inventory.offers) json[offer.kind + "s"][offer.name] = offer.verdict;
  for (const auto& [name, value] : inventory.launcher) json["launcher"][name] = value;
  if (links != nullptr) json["links"] = to_json(*links);
  return text_of(json);
}

int run_info(bool measure, const std::string& json, const Provenance& provenance) {
  if (measure) require_links();
  std::optional<OutputFile> file;
  if (!json.empty()) file.emplace("--json", json);
  const Inventory inventory = take_inventory();
  fmt::print("{}", format_inventory(version_text(), inventory));
  std::fflush(stdout);
  std::optional<LinkReport> links;
  if (measure) {
    links = measure_links();
    fmt::print("{}", format_links(*links));
  }
  if (file) file->write(to_json(provenance, inventory, links ? &*links : nullptr));
  return 0;
}

}  // namespace crossdock::tools
