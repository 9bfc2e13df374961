// Variables that launchers set, each read by one of these, so that what is wrong with any of them is said alike.
//
// A variable that is set but empty is never taken for one that is unset: it is malformed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "transport/launcher/job.hpp"

namespace crossdock::transport {

/// Empty counts as set.
bool is_set(const char* variable);

/// Empty where it is unset, too.
std::string text_of(const char* variable);
/// Throws Error where it is unset, empty or no integer of [low, high].
std::int64_t integer_of(const char* variable, std::int64_t low, std::int64_t high);

/// The job by the two variables that a launcher sets together; nothing where neither is set.
std::optional<Job> read_place(Launcher launcher, const char* rank, const char* num_ranks);

/// True where the variable counts as many ranks on this machine as there are in all.
bool all_local(const Job& job, const char* num_local_ranks);

/// MASTER_ADDR and MASTER_PORT, which may be up to highest_port.
void read_meeting_point(Job& job, int highest_port = 65'535);

}  // namespace crossdock::transport
