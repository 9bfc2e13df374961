// Routing from a NumPy file: .npy format 1.0 and 2.0, int32 or int64, little endian, C order, [ranks, tokens, top_k].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace crossdock::tools {

struct NpyRouting {
  std::int64_t num_ranks = 0;
  std::int64_t num_tokens = 0;
  std::int64_t top_k = 0;
  std::vector<std::int64_t> values = {};  ///< [num_ranks, num_tokens, top_k]
};

/// Pure. Throws Error (InvalidArgument) that names the byte offset, what was expected there and what was found.
NpyRouting parse_npy(std::span<const std::byte> bytes);

/// The same for a file; messages begin with its name.
NpyRouting read_npy(const std::string& path);

}  // namespace crossdock::tools
