#include "command_line/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "command_line/integer.hpp"
#include "command_line/words.hpp"
#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

[[noreturn]] void reject(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

template <typename Integer>
Integer integer_of(const std::string& name, const std::string& text, Limits limits, const char* what) {
  const auto value = parse_integer<Integer>(text);
  if (!value || std::cmp_less(*value, limits.least) || std::cmp_greater(*value, limits.most)) {
    reject(fmt::format("{}: expected {} of [{}, {}], got \"{}\"", name, what, limits.least, limits.most, text));
  }
  return *value;
}

/// `take` gets the text behind the flag.
CLI::Option* add(CLI::App& command, const std::string& name, const std::string& kind, const std::string& usual,
                 const std::string& help, const std::function<void(const std::string& text)>& take) {
  CLI::Option* option = command.add_option(
      name,
      [take](const CLI::results_t& words) {
        take(words.front());
        return true;
      },
      help);
  option->type_name(kind);
  if (!usual.empty() && usual != "0") option->default_str(usual);
  return option;
}

template <typename Integer, typename Value>
void add_integer(CLI::App& command, const std::string& name, Value& value, const std::string& usual, Limits limits,
                 const std::string& help) {
  add(command, name, "N", usual, help, [&value, name, limits](const std::string& text) {
    value = integer_of<Integer>(name, text, limits, "an integer");
  });
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> names_of_flags(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_fnames()) names.push_back("--" + name);
  }
  return names;
}

/// The first word that nobody understood.
[[noreturn]] void reject_word(const CLI::App& app, const CLI::App* command, const std::string& word) {
  const CLI::App& at = command != nullptr ? *command : app;
  const std::string where = command != nullptr ? command->get_name() + ": " : "";
  const std::string bare = word.substr(0, word.find('='));
  if (bare.starts_with("-")) {
    reject(fmt::format("{}unknown option \"{}\"{}", where, bare, did_you_mean(bare, names_of_flags(at))));
  }
  const auto commands = names_of_commands(app);
  if (std::ranges::find(commands, word) != commands.end())
    reject(fmt::format("expected one command, got \"{}\" too", word));
  if (command != nullptr) reject(fmt::format("{}expected options, got \"{}\"", where, word));
  reject(fmt::format("unknown command \"{}\"{}", word, did_you_mean(word, commands)));
}

}  // namespace

void Flags::integer(const std::string& name, int& value, Limits limits, const std::string& help) {
  limits.most = std::min<std::int64_t>(limits.most, std::numeric_limits<int>::max());
  add_integer<int>(command_, name, value, fmt::format("{}", value), limits, help);
}

void Flags::integer(const std::string& name, std::int64_t& value, Limits limits, const std::string& help) {
  add_integer<std::int64_t>(command_, name, value, fmt::format("{}", value), limits, help);
}

void Flags::integer(const std::string& name, std::optional<std::int64_t>& value, Limits limits,
                    const std::string& help) {
  add_integer<std::int64_t>(command_, name, value, {}, limits, help);
}

void Flags::integer(const std::string& name, std::uint64_t& value, const std::string& help) {
  add(command_, name, "N", fmt::format("{}", value), help, [&value, name](const std::string& text) {
    const auto number = parse_integer<std::uint64_t>(text);
    if (!number) reject(fmt::format("{}: expected an integer of [0, 2^64), got \"{}\"", name, text));
    value = *number;
  });
}

void Flags::integers(const std::string& name, std::vector<int>& values, Limits limits, const std::string& help) {
  limits.most = std::min<std::int64_t>(limits.most, std::numeric_limits<int>::max());
  add(command_, name, "N,N,...", {}, help, [&values, name, limits](const std::string& text) {
    values.clear();
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      values.push_back(integer_of<int>(name, text.substr(begin, end - begin), limits, "a list of integers"));
      begin = end + 1;
    }
  });
}

void Flags::word(const std::string& name, std::string& value, const std::vector<std::string>& words,
                 const std::string& help) {
  add(command_, name, "WORD", value, help, [&value, name, words](const std::string& text) {
    require_word(name, words, text);
    value = text;
  });
}

void Flags::text(const std::string& name, std::string& value, const std::string& help) {
  add(command_, name, "TEXT", value, help, [&value, name](const std::string& text) {
    if (text.empty() || text.starts_with("--")) reject(fmt::format("{}: expected a value, got \"{}\"", name, text));
    value = text;
  });
}

void Flags::flag(const std::string& name, bool& value, const std::string& help) {
  command_.add_flag(name, value, help);
}

void Flags::exclude(const std::string& name, const std::vector<std::string>& others) {
  for (const std::string& other : others) command_.get_option(name)->excludes(command_.get_option(other));
}

bool Flags::given(const std::string& name) const { return command_.count(name) > 0; }

CommandLine::CommandLine(const std::string& name, const std::string& description, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, name)) {
  app_->set_version_flag("--version", version);
  app_->require_subcommand(0, 1);
  app_->allow_extras();  // reject_word says it better
}

CommandLine::~CommandLine() = default;

Flags CommandLine::command(const std::string& name, const std::string& help) {
  CLI::App* command = app_->add_subcommand(name, help);
  command->allow_extras();
  return Flags(*command);
}

std::optional<std::string> CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    reject(fmt::format("{}: expected one value, and once", text.substr(0, text.find(':'))));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) reject(error.what());
    app_->exit(error);  // prints the help or the version
    return std::nullopt;
  }
  const auto commands = app_->get_subcommands();
  const CLI::App* command = commands.empty() ? nullptr : commands.front();
  if (const auto words = app_->remaining(); !words.empty()) reject_word(*app_, nullptr, words.front());
  if (command == nullptr) {
    reject(fmt::format("expected a command of {}; --help says more", fmt::join(names_of_commands(*app_), ", ")));
  }
  if (const auto words = command->remaining(); !words.empty()) reject_word(*app_, command, words.front());
  return command->get_name();
}

}  // namespace crossdock::tools
