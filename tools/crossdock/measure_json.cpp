#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "crossdock/error.hpp"
#include "measure.hpp"

namespace crossdock::tools {

void write_links_json(const std::string& path, const LinkReport& report) {
  nlohmann::ordered_json json = {{"gpu", report.gpu},
                                 {"gpus", report.num_gpus},
                                 {"copy_engine_gb_per_s", report.copy_engine_gbps},
                                 {"flag_round_trip_us", report.round_trip_us},
                                 {"sms", report.sms},
                                 {"gb_per_s", nlohmann::ordered_json::object()}};
  for (const LinkRow& row : report.rows) json["gb_per_s"][row.name] = row.gbps;
  for (const auto& kernel : report.kernels) {
    json["kernels"].push_back({{"name", kernel.name},
                               {"threads", kernel.threads},
                               {"registers", kernel.registers},
                               {"static_shared_bytes", kernel.static_shared_bytes},
                               {"dynamic_shared_bytes", kernel.dynamic_shared_bytes},
                               {"blocks_per_sm", kernel.blocks_per_sm}});
  }
  std::ofstream file(path);
  file << json.dump(2) << '\n';
  file.close();
  if (!file) throw Error(ErrorCode::kSystem, fmt::format("--json: {} cannot be written", path));
}

}  // namespace crossdock::tools
