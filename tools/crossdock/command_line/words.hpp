// Words that a user may have mistyped.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossdock::tools {

/// ` (did you mean "WORD"?)`, where exactly one of the words is so near that it was meant: a letter in three is wrong
/// at most, or `got` is its beginning. Else empty.
std::string did_you_mean(std::string_view got, std::span<const std::string> words);

/// Throws Error (kInvalidArgument) where `got` is none of the words.
void require_word(std::string_view flag, const std::vector<std::string>& words, std::string_view got);

}  // namespace crossdock::tools
