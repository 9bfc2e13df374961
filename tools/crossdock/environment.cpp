#include "environment.hpp"

#include <cstdlib>

namespace crossdock::tools {

std::optional<std::string> environment_text(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): it is written only while there is one thread
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

void set_where_unset(const char* name, const char* value) {
  ::setenv(name, value, 0);  // NOLINT(concurrency-mt-unsafe): there is one thread yet
}

std::vector<std::pair<std::string, std::string>> launcher_variables() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMPI_COMM_WORLD_RANK",
                           "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE", "SLURM_STEP_ID", "SLURM_PROCID",
                           "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "JOB_COMPLETION_INDEX"}) {
    if (auto text = environment_text(name)) found.emplace_back(name, *text);
  }
  return found;
}

std::string replay_prefix() {
#if CROSSDOCK_FAULT_INJECTION
  if (const auto row = environment_text("CROSSDOCK_FLIP_BIT")) return "CROSSDOCK_FLIP_BIT=" + *row + " ";
#endif
  return {};
}

}  // namespace crossdock::tools
