// A file of results that is opened before the work and written behind it.
#pragma once

#include <string>
#include <string_view>

#include "launch/descriptor.hpp"

namespace crossdock::tools {

class OutputFile {
 public:
  /// Opens the file and leaves what is in it alone. Throws Error (kInvalidArgument), naming the flag, where it cannot.
  OutputFile(std::string flag, std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  /// A file that this one has made and nobody has written goes.
  ~OutputFile();

  /// In place of what was there. Throws Error (kSystem) where not everything is written.
  void write(std::string_view text);

 private:
  std::string flag_;
  std::string path_;
  Descriptor descriptor_;
  bool unwritten_ = false;  ///< made here, and still empty
};

/// Throws Error (kSystem) where standard output is closed. Stands something in for the other two where they are: a file
/// opened later must not become one of them.
void check_standard_streams();

/// Throws Error (kSystem) where something that was printed to standard output could not be written.
void finish_standard_output();

}  // namespace crossdock::tools
