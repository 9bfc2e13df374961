// The kernels that measure links: what they would measure here means nothing.
#include "gpu/link_kernels.hpp"

#include "crossdock/error.hpp"

namespace crossdock::tools::gpu {
namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorCode::kInvalidArgument, "limits of links: expected a GPU, got an emulated one");
}

}  // namespace

void launch_plain_copy(const CopyArgs& /*args*/, int /*num_sms*/, cudaStream_t /*stream*/) { refuse(); }
void launch_bulk_copy(const CopyArgs& /*args*/, int /*num_sms*/, cudaStream_t /*stream*/) { refuse(); }
void launch_ping_pong(std::uint64_t* /*mine*/, std::uint64_t* /*theirs*/, int /*rounds*/, bool /*first*/,
                      cudaStream_t /*stream*/) {
  refuse();
}
void load_link_kernels() { refuse(); }

}  // namespace crossdock::tools::gpu
