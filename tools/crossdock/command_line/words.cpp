#include "command_line/words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>

#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

constexpr std::size_t kLeastBeginning = 3;

/// Letters added, left out, changed, or swapped with their neighbour (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> at(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        at[i][j] = i + j;
        continue;
      }
      at[i][j] = std::min({at[i - 1][j] + 1, at[i][j - 1] + 1, at[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at[i][j] = std::min(at[i][j], at[i - 2][j - 2] + 1);
    }
  }
  return at[a.size()][b.size()];
}

std::string_view without_dashes(std::string_view word) {
  return word.substr(std::min(word.find_first_not_of('-'), word.size()));
}

bool is_near(std::string_view got, std::string_view word) {
  const bool begins = got.size() >= kLeastBeginning && word.starts_with(got);
  return begins || distance(got, word) <= std::max<std::size_t>(word.size() / 3, 1);
}

}  // namespace

std::string did_you_mean(std::string_view got, std::span<const std::string> words) {
  constexpr std::size_t kLongest = 64;  // of a word that somebody mistyped
  if (got.size() > kLongest) return {};
  const std::string* meant = nullptr;
  std::size_t least = 0;
  bool tie = false;
  for (const std::string& word : words) {
    if (!is_near(without_dashes(got), without_dashes(word))) continue;
    const std::size_t here = distance(got, word);
    tie = meant != nullptr && here == least;
    if (meant != nullptr && here >= least) continue;
    meant = &word;
    least = here;
  }
  return meant == nullptr || tie ? std::string() : fmt::format(" (did you mean \"{}\"?)", *meant);
}

void require_word(std::string_view flag, const std::vector<std::string>& words, std::string_view got) {
  if (std::ranges::find(words, got) != words.end()) return;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected one of {}, got \"{}\"{}", flag,
                                                       fmt::join(words, ", "), got, did_you_mean(got, words)));
}

}  // namespace crossdock::tools
