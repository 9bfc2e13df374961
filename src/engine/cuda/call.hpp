// What becomes of a call of this rank, so that its peers hear of it whatever goes wrong.
#pragma once

#include "engine/cuda/context.hpp"

namespace crossdock::engine::cuda {

/// What is thrown right now, as an Error: what is none is kSystem. In a catch block.
Error current_error(const char* operation, int rank);

/// Puts kernels of a call that has its number on the stream. Peers wait for all of them, so what goes wrong here is a
/// fault of the group.
template <typename Launches>
void launch_call(CudaContext& context, const char* operation, const Launches& launches) {
  try {
    launches();
  } catch (...) {
    context.abort(current_error(operation, context.rank()));
    throw;
  }
}

/// Gives a call its number, behind `prepare`: all that may be refused, and all that the call reserves. Where that
/// throws this rank rejects the call: the peers get the text, and `reject(terms)` takes part without rows; it reserves
/// nothing, since memory may be what is missing.
template <typename Prepare, typename Reject>
void number_call(CudaContext& context, const char* operation, CallPath path, const Launch& launch,
                 const Prepare& prepare, const Reject& reject) {
  const auto number = [&] { context.paths.tell(context.host->membership.epoch, context.host->sequence++, path); };
  try {
    prepare();
    number();
  } catch (...) {
    const Error error = current_error(operation, context.rank());
    context.tell_rejection(error);
    number();
    launch_call(context, operation, [&] {
      reject(CudaContext::terms_of({}, static_cast<std::int32_t>(error.code())));
      context.end({}, launch);
    });
    throw;
  }
}

}  // namespace crossdock::engine::cuda
