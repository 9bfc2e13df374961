#include "transport/local/connect.hpp"

#include <utility>

#include "transport/local/rank_memory.hpp"

namespace crossdock::transport {
namespace {

using Connect = void (*)(Bootstrap&, const LocalOptions&, const MakeOf&);

std::unique_ptr<Transport> connected_by(Connect connect, Bootstrap& bootstrap, const LocalOptions& options) {
  std::unique_ptr<Transport> transport;
  connect(bootstrap, options, [&](std::unique_ptr<Transport> connected) { transport = std::move(connected); });
  return transport;
}

}  // namespace

std::size_t signal_bytes(int num_ranks, int num_signals) {
  return RankMemoryShape{.board = {.num_ranks = num_ranks, .num_signals = num_signals}}.window_offset();
}

void connect_local(Bootstrap& bootstrap, const LocalOptions& options, const MakeOf& make) {
  bootstrap.same_process() ? connect_threads(bootstrap, options, make) : connect_processes(bootstrap, options, make);
}

std::unique_ptr<Transport> connect_local(Bootstrap& bootstrap, const LocalOptions& options) {
  return connected_by(&connect_local, bootstrap, options);
}

std::unique_ptr<Transport> connect_threads(Bootstrap& bootstrap, const LocalOptions& options) {
  return connected_by(&connect_threads, bootstrap, options);
}

std::unique_ptr<Transport> connect_processes(Bootstrap& bootstrap, const LocalOptions& options) {
  return connected_by(&connect_processes, bootstrap, options);
}

}  // namespace crossdock::transport
