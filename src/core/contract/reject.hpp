// How an input that breaks the contract is refused.
#pragma once

#include <string>
#include <string_view>

#include "base/known.hpp"
#include "crossdock/error.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::core {

/// Who is asking: names the call in messages and Reports.
struct Caller {
  std::string_view operation;  ///< "dispatch", "combine"
  int rank = -1;               ///< -1: the call knows no ranks
};

/// Throws "dispatch, rank 3: topk_idx: expected int32 or int64 [128, 8], got fp32 [128, 8]".
[[noreturn]] void reject(const Caller& caller, std::string_view what, std::string_view expected, std::string_view got,
                         ErrorCode code = ErrorCode::kInvalidArgument);

/// bf16, fp16 or fp32: what rows are added in.
constexpr bool is_plain_float(DType dtype) {
  return dtype == DType::kBf16 || dtype == DType::kFp16 || dtype == DType::kFp32;
}

/// Rejects a value that the enum does not have; `expected` lists those it has.
template <typename Enum>
void check_known(const Caller& caller, std::string_view what, Enum value, std::string_view expected) {
  if (!base::is_known(value)) reject(caller, what, expected, base::shown(value));
}

/// Rejects what no tensor can be: a type that is none, other than 0 to 3 dimensions, negative sizes, sizes or strides
/// beyond memory. After it the functions of views may be asked without fear of overflow. A view of no dimensions is not
/// given, whatever else it says.
void check_shape(const Caller& caller, std::string_view what, const ConstTensorView& tensor);

/// Rejects a tensor that has elements but no memory, or memory that is not aligned to an element.
void check_memory(const Caller& caller, std::string_view what, const ConstTensorView& tensor);

/// Rejects what is not dense fp32 [rows, columns].
void check_weights(const Caller& caller, std::string_view what, const ConstTensorView& tensor, std::int64_t rows,
                   std::int64_t columns);

/// Rows that cross between ranks: hidden of [1, max_hidden], elements of at most max_element_bytes, rows of whole 16
/// bytes.
void check_row(const Caller& caller, std::string_view what, DType dtype, std::int64_t hidden, int max_hidden,
               std::size_t max_element_bytes);

}  // namespace crossdock::core
