// The environment of a launcher, and nothing of the one that runs the test.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crossdock::testing {

using Variables = std::map<std::string, std::string>;

inline void set_environment(const Variables& variables) {
  std::vector<std::string> others;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view name = std::string_view(*one).substr(0, std::string_view(*one).find('='));
    for (const char* prefix : {"RANK", "WORLD_SIZE", "LOCAL_", "GROUP_", "MASTER_", "TORCHELASTIC_", "PET_", "OMPI_",
                               "PMIX_", "PMI_", "MPI_", "I_MPI_", "SLURM_", "JOB_COMPLETION_INDEX"}) {
      if (name.starts_with(prefix)) others.emplace_back(name);
    }
  }
  for (const std::string& name : others) ::unsetenv(name.c_str());
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
}

}  // namespace crossdock::testing
