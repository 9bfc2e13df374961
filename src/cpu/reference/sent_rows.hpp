// A source's rows as they travel: quantised where asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cpu/reference/job.hpp"

namespace crossdock::reference {

/// All tokens of one rank, dense.
struct SentRows {
  DType dtype = DType::kBf16;
  std::int64_t hidden = 0;
  DType scale_dtype = DType::kFp32;
  std::int64_t num_scales = 0;  ///< S: words of 4 bytes a row; 0 where the rows are not fp8
  std::vector<std::byte> x = {};
  std::vector<std::uint32_t> scales = {};

  std::size_t x_bytes() const { return static_cast<std::size_t>(hidden) * size_of(dtype); }
  std::int64_t row_bytes() const { return static_cast<std::int64_t>(x_bytes()) + 4 * num_scales; }
  const std::byte* x_of(std::int64_t token) const { return x.data() + static_cast<std::size_t>(token) * x_bytes(); }
  std::uint32_t scale_of(std::int64_t token, std::int64_t word) const {
    return scales[static_cast<std::size_t>(token * num_scales + word)];
  }
};

SentRows sent_rows(const Job& job, int source);

}  // namespace crossdock::reference
