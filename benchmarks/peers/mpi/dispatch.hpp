// Dispatch as a careful user of MPI writes it. Every variant leaves the same bytes in `rows` and `rows_idx`.
#pragma once

#include "mpi/buffers.hpp"

namespace crossdock::peers {

/// Counts by Alltoall, rows packed without duplicates, Alltoallv straight into the final order.
void dispatch_alltoallv(Buffers& buffers);

/// The same, but rows go by Isend and Irecv, and the own rank's skip MPI.
void dispatch_messages(Buffers& buffers);

/// Rows are not packed: a datatype names them in x, a message a rank. The own rank's skip MPI.
void dispatch_datatypes(Buffers& buffers);

}  // namespace crossdock::peers
