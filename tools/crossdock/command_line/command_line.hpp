// The words after `crossdock`: commands and their flags. CLI11 is behind it and nowhere else.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace crossdock::tools {

/// Both ends included.
struct Limits {
  std::int64_t least = 0;
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
};

/// The flags of one command. A value is taken as it was written, or refused with what was expected. The variables live
/// until the line is parsed, and say in `--help` what they hold where no flag is given, unless that is 0 or empty.
class Flags {
 public:
  explicit Flags(CLI::App& command) : command_(command) {}

  /// Decimal integers within the limits.
  void integer(const std::string& name, int& value, Limits limits, const std::string& help);
  void integer(const std::string& name, std::int64_t& value, Limits limits, const std::string& help);
  void integer(const std::string& name, std::optional<std::int64_t>& value, Limits limits, const std::string& help);
  void integer(const std::string& name, std::uint64_t& value, const std::string& help);
  /// Several of them, between commas.
  void integers(const std::string& name, std::vector<int>& values, Limits limits, const std::string& help);
  /// One of `words`.
  void word(const std::string& name, std::string& value, const std::vector<std::string>& words,
            const std::string& help);
  /// Any text that is not empty and does not begin like a flag.
  void text(const std::string& name, std::string& value, const std::string& help);
  /// Set where it is given; "--on,!--off" makes two of it.
  void flag(const std::string& name, bool& value, const std::string& help);

  /// `name` is refused beside each of the others.
  void exclude(const std::string& name, const std::vector<std::string>& others);
  bool given(const std::string& name) const;

 private:
  CLI::App& command_;
};

class CommandLine {
 public:
  /// `version` is what --version prints.
  CommandLine(const std::string& name, const std::string& description, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Flags command(const std::string& name, const std::string& help);

  /// The command that was given; nothing where --help or --version was, whose text is on stdout then. Throws Error
  /// (kInvalidArgument): a line that says which word is wrong, and which one was meant where that can be guessed.
  std::optional<std::string> parse(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace crossdock::tools
