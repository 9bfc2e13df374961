#include "kernels/load.hpp"

#include "kernels/cast/cast.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/dispatch/dispatch.hpp"
#include "kernels/expand/expand.hpp"
#include "kernels/gate/gate.hpp"
#include "kernels/gather/gather.hpp"
#include "kernels/latency/latency.hpp"
#include "kernels/routing/routing.hpp"

namespace crossdock::kernels {

void load_kernels() {
  load_routing();
  load_dispatch();
  load_combine();
  load_expand();
  load_gather();
  load_latency();
  load_cast();
  load_gate();
}

}  // namespace crossdock::kernels
