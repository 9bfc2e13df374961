#include "cpu/reference/sent_rows.hpp"

#include <cstring>

#include "core/contract/dispatch_contract.hpp"
#include "core/numeric/quantize.hpp"

namespace crossdock::reference {
namespace {

/// Address of element [row, column] of a strided view.
const std::byte* at(const ConstTensorView& view, std::int64_t row, std::int64_t column) {
  const std::int64_t index = row * view.strides[0] + column * view.strides[1];
  return static_cast<const std::byte*>(view.data) + index * static_cast<std::int64_t>(size_of(view.dtype));
}

SentRows empty_rows(const DispatchInput& input, Quantize quantize) {
  SentRows sent{.dtype = core::row_dtype(input.x.dtype, quantize), .hidden = input.x.shape[1]};
  if (input.scales.given()) {
    sent.scale_dtype = input.scales.dtype;
    sent.num_scales = input.scales.shape[1];
  } else {
    sent.scale_dtype = core::scale_dtype(quantize);
    sent.num_scales = core::scale_words(static_cast<int>(sent.hidden), quantize);
  }
  const auto num_tokens = static_cast<std::size_t>(input.x.shape[0]);
  sent.x.resize(num_tokens * sent.x_bytes());
  sent.scales.resize(num_tokens * static_cast<std::size_t>(sent.num_scales));
  return sent;
}

void copy_token(const DispatchInput& input, std::int64_t token, SentRows& sent) {
  std::memcpy(sent.x.data() + static_cast<std::size_t>(token) * sent.x_bytes(), at(input.x, token, 0), sent.x_bytes());
  for (std::int64_t word = 0; word < sent.num_scales; ++word) {
    std::memcpy(&sent.scales[static_cast<std::size_t>(token * sent.num_scales + word)], at(input.scales, token, word),
                4);
  }
}

void quantize_token(const DispatchInput& input, std::int64_t token, Quantize quantize, SentRows& sent) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(sent.hidden));
  core::quantize_row(at(input.x, token, 0), input.x.dtype, static_cast<int>(sent.hidden), quantize, values.data(),
                     sent.scales.data() + token * sent.num_scales);
  std::memcpy(sent.x.data() + static_cast<std::size_t>(token) * sent.x_bytes(), values.data(), values.size());
}

}  // namespace

SentRows sent_rows(const Job& job, int source) {
  const DispatchInput& input = job.inputs[static_cast<std::size_t>(source)];
  const Quantize quantize = job.common().quantize;
  SentRows sent = empty_rows(input, quantize);
  for (std::int64_t token = 0; token < job.num_tokens(source); ++token) {
    if (quantize == Quantize::kNone) {
      copy_token(input, token, sent);
    } else {
      quantize_token(input, token, quantize, sent);
    }
  }
  return sent;
}

}  // namespace crossdock::reference
