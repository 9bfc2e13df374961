// What every JSON file of the program has in common. Only for files that write one: the library behind it is large.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "provenance.hpp"
#include "spread.hpp"

namespace crossdock::tools {

using Json = nlohmann::ordered_json;

inline Json to_json(const Provenance& provenance) {
  return {{"version", provenance.version},
          {"commit", provenance.commit},
          {"date", provenance.date},
          {"host", provenance.host},
          {"command", provenance.command}};
}

inline void add_spread(const Spread& us, Json& json) {
  json["min_us"] = us.least;
  json["median_us"] = us.median;
  json["p95_us"] = us.p95;
}

/// Bytes that are no UTF-8, in a path or a host's name, are replaced.
inline std::string text_of(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace crossdock::tools
