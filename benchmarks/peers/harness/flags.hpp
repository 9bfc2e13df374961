// Flags of the programs: --name value, or --name alone.
#pragma once

#include <map>
#include <string>

#include "harness/job.hpp"

namespace crossdock::peers {

class Flags {
 public:
  /// Throws std::invalid_argument where a word is no flag.
  Flags(int count, char** words);

  bool has(const std::string& name) const { return values_.contains(name); }
  /// Throws std::invalid_argument where it is not given.
  std::string text(const std::string& name) const;
  long number(const std::string& name, long otherwise) const;

  /// --tokens --hidden --top-k --experts --seed
  Job job(int num_ranks) const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace crossdock::peers
