#include "transport/local/connect.hpp"

namespace crossdock::transport {

std::unique_ptr<Transport> connect_local(Bootstrap& bootstrap, const LocalOptions& options) {
  return bootstrap.same_process() ? connect_threads(bootstrap, options) : connect_processes(bootstrap, options);
}

}  // namespace crossdock::transport
