// Everything public.
#pragma once

#include "crossdock/config.hpp"      // IWYU pragma: export
#include "crossdock/error.hpp"       // IWYU pragma: export
#include "crossdock/experts.hpp"     // IWYU pragma: export
#include "crossdock/gate.hpp"        // IWYU pragma: export
#include "crossdock/gpu.hpp"         // IWYU pragma: export
#include "crossdock/group.hpp"       // IWYU pragma: export
#include "crossdock/handle.hpp"      // IWYU pragma: export
#include "crossdock/operations.hpp"  // IWYU pragma: export
#include "crossdock/reference.hpp"   // IWYU pragma: export
#include "crossdock/rows.hpp"        // IWYU pragma: export
#include "crossdock/tensor.hpp"      // IWYU pragma: export
#include "crossdock/types.hpp"       // IWYU pragma: export
#include "crossdock/version.hpp"     // IWYU pragma: export
#include "crossdock/world.hpp"       // IWYU pragma: export
