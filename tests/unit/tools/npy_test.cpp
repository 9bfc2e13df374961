#include "npy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct File {
  int version = 1;
  std::string header;
  std::string data;
};

std::string header_text(const std::string& descr, const std::string& order, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }       \n";
}

std::vector<std::byte> bytes_of(const File& file) {
  std::string text("\x93NUMPY", 6);
  text += static_cast<char>(file.version);
  text += '\0';
  for (int i = 0; i < (file.version == 1 ? 2 : 4); ++i)
    text += static_cast<char>((file.header.size() >> (8 * i)) & 255);
  text += file.header + file.data;
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

template <typename Int>
std::string data_of(std::initializer_list<Int> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(Int)};
}

File good_file() {
  return {.header = header_text("<i4", "False", "(1, 2, 2)"), .data = data_of<std::int32_t>({7, -1, 0, 65536})};
}

std::string message_of(const File& file) {
  try {
    parse_npy(bytes_of(file));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(Npy, ReadsInt32) {
  const NpyRouting routing = parse_npy(bytes_of(good_file()));
  EXPECT_EQ(routing.num_ranks, 1);
  EXPECT_EQ(routing.num_tokens, 2);
  EXPECT_EQ(routing.top_k, 2);
  EXPECT_THAT(routing.values, ElementsAre(7, -1, 0, 65536));
}

TEST(Npy, ReadsInt64AndVersion2) {
  const File file{.version = 2,
                  .header = header_text("<i8", "False", "(2, 1, 1)"),
                  .data = data_of<std::int64_t>({-1, std::int64_t{1} << 40})};
  EXPECT_THAT(parse_npy(bytes_of(file)).values, ElementsAre(-1, std::int64_t{1} << 40));
}

TEST(Npy, ReadsNoTokens) {
  const File file{.header = header_text("<i4", "False", "(4, 0, 8)"), .data = ""};
  EXPECT_TRUE(parse_npy(bytes_of(file)).values.empty());
}

struct Malformed {
  const char* what;
  File file;
  const char* message;
};

TEST(Npy, NamesOffsetExpectedAndGot) {
  const std::string data = good_file().data;
  const Malformed cases[] = {
      {"version",
       {.version = 3, .header = good_file().header, .data = data},
       "byte 6: expected format version 1 or 2, got 3"},
      {"type",
       {.header = header_text("<f4", "False", "(1, 2, 2)"), .data = data},
       "byte 10: expected 'descr' '<i4' or '<i8', got \"<f4\""},
      {"big endian", {.header = header_text(">i4", "False", "(1, 2, 2)"), .data = data}, "got \">i4\""},
      {"order",
       {.header = header_text("<i4", "True", "(1, 2, 2)"), .data = data},
       "expected 'fortran_order': False, got True"},
      {"dimensions",
       {.header = header_text("<i4", "False", "(2, 2)"), .data = data},
       "3 dimensions [ranks, tokens, top_k], got 2"},
      {"many dimensions",
       {.header = header_text("<i4", "False", "(1, 1, 2, 2)"), .data = data},
       "at most 3 dimensions"},
      {"negative", {.header = header_text("<i4", "False", "(-1, 2, 2)"), .data = data}, "byte 61: expected a size"},
      {"huge", {.header = header_text("<i4", "False", "(4294967296, 4294967296, 2)"), .data = data}, "got an overflow"},
      {"short",
       {.header = header_text("<i4", "False", "(1, 2, 3)"), .data = data},
       "expected 6 values of 4 bytes, got 16 bytes"},
      {"ragged", {.header = good_file().header, .data = data + "x"}, "expected 4 values of 4 bytes, got 17 bytes"},
      {"key",
       {.header = "{'colour': 'red'}", .data = data},
       "byte 11: expected a key of 'descr', 'fortran_order', 'shape', got \"colour\""},
      {"missing key", {.header = "{'descr': '<i4'}", .data = data}, "the keys 'descr', 'fortran_order' and 'shape'"},
      {"no dictionary", {.header = "", .data = ""}, "byte 10: expected '{', got the end of the header"},
      {"open string", {.header = "{'descr", .data = ""}, "expected a closing quote"},
      {"after the end", {.header = "{} x", .data = ""}, "expected spaces up to the end of the header"},
      {"unprintable", {.header = "{'\x01\x02': 1}", .data = ""}, "got \"??\""},
  };
  for (const Malformed& c : cases) EXPECT_THAT(message_of(c.file), HasSubstr(c.message)) << c.what;
}

TEST(Npy, RejectsEveryTruncation) {
  const std::vector<std::byte> whole = bytes_of(good_file());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW(parse_npy(std::span(whole).first(size)), Error) << size;
  }
}

TEST(Npy, SurvivesEveryChangedHeaderByte) {
  const std::vector<std::byte> whole = bytes_of(good_file());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::vector<std::byte> changed = whole;
      changed[at] = static_cast<std::byte>(value);
      try {
        EXPECT_EQ(parse_npy(changed).values.size(), 4U);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      }
    }
  }
}

TEST(Npy, NamesTheFile) {
  try {
    read_npy("/nowhere/routing.npy");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/routing.npy: cannot be opened"));
  }
}

}  // namespace
}  // namespace crossdock::tools
