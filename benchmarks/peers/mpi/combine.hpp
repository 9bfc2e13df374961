// Combine: the rows go back the way they came, and the token's rank adds them in rank order. Every variant leaves the
// same bytes in `y`.
#pragma once

#include "mpi/buffers.hpp"

namespace crossdock::peers {

/// Alltoallv, then the sum.
void combine_alltoallv(Buffers& buffers);

/// Isend and Irecv; the own rank's rows are read where they are.
void combine_messages(Buffers& buffers);

}  // namespace crossdock::peers
