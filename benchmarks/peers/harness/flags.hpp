// Flags of the programs: --name value, or --name alone.
#pragma once

#include <limits>
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
  /// Both ends included.
  struct Limits {
    long least = 1;
    long most = std::numeric_limits<int>::max();
  };
  /// Throws std::invalid_argument where it is no decimal integer within the limits.
  long number(const std::string& name, long otherwise, Limits limits) const;
  long number(const std::string& name, long otherwise) const { return number(name, otherwise, Limits()); }

  /// --tokens --hidden --top-k --experts --seed
  Job job(int num_ranks) const;

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace crossdock::peers
