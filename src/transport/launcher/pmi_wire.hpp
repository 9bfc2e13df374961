// The lines of PMI-1, the protocol between Hydra (mpiexec of MPICH and of Intel MPI) and its processes. Pure.
//
// A request and its answer are a line each: "cmd=get kvsname=kvs_1_0 key=k", "cmd=get_result rc=0 msg=success value=v".
// Words have no spaces; the first says what the line is.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace crossdock::transport {

/// Longer answers are refused.
inline constexpr std::size_t kMaxPmiLineBytes = 16'384;

struct PmiAnswer {
  std::string command;
  std::map<std::string, std::string, std::less<>> words;  ///< without cmd

  /// Throws Error(kInvalidArgument) where there is none.
  const std::string& word(std::string_view name) const;
  /// Throws Error(kInvalidArgument) where it is none of [low, high].
  int integer(std::string_view name, int low, int high) const;
};

/// `line` without its end. Throws Error(kInvalidArgument) where it is no line of the protocol.
PmiAnswer parse_pmi_answer(std::string_view line);

/// With its end. Throws Error(kInvalidArgument) where a value could not be told from the rest of the line.
std::string pmi_request(std::string_view command,
                        std::initializer_list<std::pair<std::string_view, std::string_view>> words);

}  // namespace crossdock::transport
