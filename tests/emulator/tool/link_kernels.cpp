// The kernels that measure links: copies, so that whatever measures them runs here. The rates mean nothing.
#include "gpu/link_kernels.hpp"

#include "crossdock/error.hpp"
#include "gpu/cuda_call.hpp"

namespace crossdock::tools::gpu {

void launch_plain_copy(const CopyArgs& args, int /*num_sms*/, cudaStream_t stream) {
  check(cudaMemcpyAsync(args.to, args.from, args.bytes, cudaMemcpyDeviceToDevice, stream), "cudaMemcpyAsync");
}
void launch_bulk_copy(const CopyArgs& args, int num_sms, cudaStream_t stream) {
  launch_plain_copy(args, num_sms, stream);
}
void launch_ping_pong(std::uint64_t* /*mine*/, std::uint64_t* /*theirs*/, int /*rounds*/, bool /*first*/,
                      cudaStream_t /*stream*/) {
  throw Error(ErrorCode::kInvalidArgument, "limits of links: expected a GPU, got an emulated one");
}
void load_link_kernels() {}

}  // namespace crossdock::tools::gpu
