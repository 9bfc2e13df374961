// crossdock info: what is here, and what the library can use of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "crossdock/config.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "provenance.hpp"

namespace crossdock::tools {

/// Something of the library, and whether it can be used here: "yes", or "no: why not".
struct Offer {
  std::string kind;  ///< "transport" or "backend"
  std::string name;
  std::string verdict;
};

struct Inventory {
  Machine machine;
  FreeMemory memory;
  std::vector<std::string> simd;
  std::vector<Offer> offers;
  std::vector<std::string> gpus;                              ///< a line each
  std::vector<std::pair<std::string, std::string>> launcher;  ///< environment variables that are set
};

/// Tries what is here.
Inventory take_inventory();

/// Everything, as text. `version` is the library's.
std::string format_inventory(const std::string& version, const Inventory& inventory);

/// Everything as JSON; `links` where they were measured.
std::string to_json(const Provenance& provenance, const Inventory& inventory, const LinkReport* links);

/// Prints it, measures the links of GPUs where that is wanted, and writes both to the file `json` where it is not
/// empty. Returns the exit code. Throws Error.
int run_info(bool measure, const std::string& json, const Provenance& provenance);

}  // namespace crossdock::tools
