#include "harness/flags.hpp"

#include <charconv>
#include <stdexcept>
#include <system_error>

namespace crossdock::peers {

Flags::Flags(int count, char** words) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (!word.starts_with("--")) throw std::invalid_argument("expected a flag, got " + word);
    const bool has_value = i + 1 < count && words[i + 1][0] != '-';
    values_[word.substr(2)] = has_value ? words[++i] : "";
  }
}

std::string Flags::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::invalid_argument("expected the flag --" + name);
  return found->second;
}

long Flags::number(const std::string& name, long otherwise, Limits limits) const {
  if (!has(name)) return otherwise;
  const std::string word = text(name);
  long value = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  const bool octal = word.size() > 1 && word.front() == '0';
  if (failure != std::errc{} || end != word.data() + word.size() || octal || value < limits.least ||
      value > limits.most) {
    throw std::invalid_argument("--" + name + ": expected an integer of [" + std::to_string(limits.least) + ", " +
                                std::to_string(limits.most) + "], got \"" + word + "\"");
  }
  return value;
}

Job Flags::job(int num_ranks) const {
  const Job usual;
  return {.num_ranks = num_ranks,
          .tokens = static_cast<int>(number("tokens", usual.tokens)),
          .hidden = static_cast<int>(number("hidden", usual.hidden)),
          .top_k = static_cast<int>(number("top-k", usual.top_k)),
          .experts = static_cast<int>(number("experts", usual.experts)),
          .seed = static_cast<std::uint64_t>(number("seed", static_cast<long>(usual.seed), {.least = 0}))};
}

}  // namespace crossdock::peers
