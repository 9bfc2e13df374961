#include "kernels/load.hpp"

#include <algorithm>
#include <iterator>

#include "kernels/cast/cast.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/dispatch/dispatch.hpp"
#include "kernels/expand/expand.hpp"
#include "kernels/gate/gate.hpp"
#include "kernels/gather/gather.hpp"
#include "kernels/latency/latency.hpp"
#include "kernels/routing/routing.hpp"

namespace crossdock::kernels {

LoadedKernels load_kernels() {
  LoadedKernels all;
  for (const auto load : {&load_routing, &load_dispatch, &load_combine, &load_expand, &load_gather, &load_latency,
                          &load_cast, &load_gate}) {
    LoadedKernels kernels = load();
    std::ranges::move(kernels, std::back_inserter(all));
  }
  return all;
}

}  // namespace crossdock::kernels
