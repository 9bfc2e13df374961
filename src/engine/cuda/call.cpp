#include "engine/cuda/call.hpp"

#include <fmt/format.h>

#include <exception>

namespace crossdock::engine::cuda {

Error current_error(const char* operation, int rank) {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& failure) {
    return {ErrorCode::kSystem,
            fmt::format("{}, rank {}: {}", operation, rank, failure.what()),
            {.operation = operation, .phase = "call", .rank = rank, .peer = rank}};
  }
}

}  // namespace crossdock::engine::cuda
