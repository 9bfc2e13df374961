// The connection to Hydra, for what ranks tell one another before they can connect.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "transport/launcher/pmi_wire.hpp"

namespace crossdock::transport {

/// Puts, gets and the barrier of PMI-1, over a connection that belongs to the process and not to this object: MPI_Init
/// and MPI_Finalize, before or after, use the same one. So it is neither closed nor finalized here. A process that has
/// used it and ends without "finalize" has died in Hydra's eyes, and Hydra kills the others: it is sent when the
/// process exits, unless MPI_Finalize has.
class Pmi {
 public:
  /// `fd` is what PMI_FD names. Every wait ends at the deadline. Throws Error (kInvalidArgument where it is no such
  /// connection, kDeadlineExceeded, kSystem where Hydra hung up or refused), as all of these do.
  Pmi(int fd, const base::Deadline& deadline);

  /// Bytes of a value, at most.
  std::size_t max_value_bytes() const { return max_value_bytes_; }
  /// Others get it after the next barrier. A key is put once in the life of a job.
  void put(std::string_view key, std::string_view value);
  /// Of all ranks.
  void barrier();
  std::string get(std::string_view key);

 private:
  PmiAnswer ask(const std::string& request, std::string_view expected);
  void send(std::string_view request);
  std::string receive_line(std::string_view expected);

  int fd_;
  base::Deadline deadline_;
  std::string space_;  ///< the name of the job's key-value space
  std::size_t max_value_bytes_ = 0;
};

}  // namespace crossdock::transport
