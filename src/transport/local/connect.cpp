#include "transport/local/connect.hpp"

#include "transport/local/rank_memory.hpp"

namespace crossdock::transport {

std::size_t signal_bytes(int num_ranks, int num_signals) {
  return RankMemoryShape{.board = {.num_ranks = num_ranks, .num_signals = num_signals}}.window_offset();
}

std::unique_ptr<Transport> connect_local(Bootstrap& bootstrap, const LocalOptions& options) {
  return bootstrap.same_process() ? connect_threads(bootstrap, options) : connect_processes(bootstrap, options);
}

}  // namespace crossdock::transport
