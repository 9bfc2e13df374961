#include "transport/bootstrap/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "gather.hpp"
#include "transport/bootstrap/published.hpp"

namespace crossdock::testing {
namespace {

using namespace transport;
using ::testing::HasSubstr;

const Bytes kSome = bytes_of_text("some bytes");

TEST(Frame, EveryPayloadComesBack) {
  const Hello hello = parse_hello(encode(Hello{.identity = std::string("17.0 \0\xFF", 7),
                                               .library = "0.1.0",
                                               .num_ranks = 70'000,
                                               .rank = 65'536,
                                               .deadline_ms = 0xFFFF'FFFF}));
  EXPECT_EQ(hello.identity, std::string("17.0 \0\xFF", 7));
  EXPECT_EQ(hello.library, "0.1.0");
  EXPECT_EQ(hello.num_ranks, 70'000U);
  EXPECT_EQ(hello.rank, 65'536U);
  EXPECT_EQ(hello.deadline_ms, 0xFFFF'FFFFU);
  const std::string longest(kMaxTextBytes, 'x');
  EXPECT_EQ(encode(Hello{.identity = longest, .library = longest}).size(), kMaxHelloBytes);

  const Stranger stranger = parse_stranger(encode(Stranger{.identity = "18.0", .library = "0.2.0"}));
  EXPECT_EQ(stranger.identity, "18.0");
  EXPECT_EQ(stranger.library, "0.2.0");

  const Place place = parse_place(encode(Place{.identity = "a", .address = "10.0.0.1,fd00::2", .port = 65'535}));
  EXPECT_EQ(place.identity, "a");
  EXPECT_EQ(place.address, "10.0.0.1,fd00::2");
  EXPECT_EQ(place.port, 65'535U);

  const Contribution contribution =
      parse_contribution(encode(Contribution{.round = 9, .deadline_ms = 5, .bytes = kSome}));
  EXPECT_EQ(contribution.round, 9U);
  EXPECT_EQ(contribution.deadline_ms, 5U);
  EXPECT_EQ(contribution.bytes, kSome);

  const std::vector<Bytes> all{kSome, {}, bytes_of_text("x")};
  const Result result = parse_result(encode(Result{.round = 3, .bytes = all}));
  EXPECT_EQ(result.round, 3U);
  EXPECT_EQ(result.bytes, all);

  const Failure failure = parse_failure(encode(Failure{.code = ErrorCode::kSystem, .peer = -1, .text = "no memory"}));
  EXPECT_EQ(failure.code, ErrorCode::kSystem);
  EXPECT_EQ(failure.peer, -1);
  EXPECT_EQ(failure.text, "no memory");
}

// The byte map in the header: other versions have to find the header where it is.
TEST(Frame, TheHeaderIsAsDocumented) {
  const Bytes bytes = encode(Frame{.type = FrameType::kResult, .payload = bytes_of_text("ab")});
  EXPECT_EQ(text_of_bytes(bytes), std::string("XDKB\x02\x00\x05\x00\x02\x00\x00\x00"
                                              "ab",
                                              14));
}

TEST(Frame, AReaderCutsAStreamWhereverItBreaks) {
  Bytes stream = encode(Frame{.type = FrameType::kHello, .payload = encode(Hello{.rank = 1})});
  const Bytes second = encode(Frame{.type = FrameType::kAccepted});
  const Bytes third = encode(Frame{.type = FrameType::kFailure, .payload = kSome});
  stream.insert(stream.end(), second.begin(), second.end());
  stream.insert(stream.end(), third.begin(), third.end());
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.append(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
      while (auto frame = reader.next()) frames.push_back(std::move(*frame));
    }
    ASSERT_EQ(frames.size(), 3U) << "pieces of " << piece;
    EXPECT_EQ(parse_hello(frames[0].payload).rank, 1U);
    EXPECT_EQ(frames[1].type, FrameType::kAccepted);
    EXPECT_EQ(frames[2].payload, kSome);
  }
}

Error error_of_header(std::size_t at, std::uint8_t value, std::size_t max_payload_bytes = kMaxPayloadBytes) {
  Bytes bytes = encode(Frame{.type = FrameType::kHello, .payload = encode(Hello{})});
  bytes[at] = static_cast<std::byte>(value);
  FrameReader reader(max_payload_bytes);
  reader.append(bytes);
  return error_of([&] { reader.next(); });
}

TEST(Frame, AWrongHeaderIsRefused) {
  EXPECT_THAT(error_of_header(0, 'G').what(), HasSubstr("expected a frame of this library"));
  EXPECT_THAT(error_of_header(4, 1).what(), HasSubstr("expected version 2 of this library's protocol, got 1"));
  EXPECT_THAT(error_of_header(6, 0).what(), HasSubstr("frame type, got 0"));
  EXPECT_THAT(error_of_header(6, 9).what(), HasSubstr("frame type, got 9"));
  EXPECT_THAT(error_of_header(11, 4).what(), HasSubstr("at most 67108864 bytes, got 67108880"));
  EXPECT_THAT(error_of_header(8, 17, 16).what(), HasSubstr("at most 16 bytes, got 17"));
}

// Ranks of different versions have to be able to tell each other why there is no job.
TEST(Frame, AnotherVersionsHelloIsReadAsFarAsAllVersionsAgree) {
  Bytes payload = encode(Hello{.identity = "17.0", .library = "0.9.0"});
  payload.resize(2 + 4 + 2 + 5);
  payload.push_back(std::byte{42});  // whatever that version says next
  FrameReader reader;
  reader.append(encode(Frame{.type = FrameType::kHello, .payload = payload, .version = 3}));
  const auto frame = reader.next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->version, 3);
  const Hello hello = parse_hello(frame->payload, frame->version);
  EXPECT_EQ(hello.identity, "17.0");
  EXPECT_EQ(hello.library, "0.9.0");

  reader.append(encode(Frame{.type = FrameType::kReady, .version = 3}));
  EXPECT_THAT(error_of([&] { reader.next(); }).what(), HasSubstr("expected version 2"));
}

TEST(Frame, TextsThatAreTooLongAreRefused) {
  EXPECT_THAT(error_of([] { encode(Hello{.identity = std::string(kMaxTextBytes + 1, 'x')}); }).what(),
              HasSubstr("at most 1024 bytes, got 1025"));
  Bytes hello = encode(Hello{.identity = std::string(kMaxTextBytes, 'x')});
  hello[1] = std::byte{0xFF};
  EXPECT_THAT(error_of([&] { parse_hello(hello); }).what(), HasSubstr("at most 1024 bytes, got 65280"));
}

TEST(Frame, APlaceHasAPort) {
  for (const std::uint32_t port : {0U, 65'536U}) {
    EXPECT_THAT(error_of([&] { parse_place(encode(Place{.port = port})); }).what(), HasSubstr("port of [1, 65535]"));
  }
}

TEST(Frame, APublishedFrameIsOneWholeFrameInHexadecimal) {
  const Frame frame{.type = FrameType::kPlace, .payload = encode(Place{.address = "::1", .port = 7})};
  const std::string text = to_text(frame);
  EXPECT_EQ(text.substr(0, 12), "58444b420200");
  EXPECT_EQ(frame_of_text(text).payload, frame.payload);
  for (const std::string& wrong :
       {std::string(), text.substr(1), text.substr(2), text + "00", text + "0", "xx" + text}) {
    EXPECT_THROW(frame_of_text(wrong), Error) << wrong;
  }
}

TEST(Frame, JobsAreNamedInMessages) {
  EXPECT_EQ(describe_job(""), "a job without a name");
  EXPECT_EQ(describe_job("a\n\x1b[b"), "job \"a??[b\"");
}

TEST(Frame, ATooLargePayloadIsNotSent) {
  EXPECT_EQ(error_of([] { encode(Frame{.payload = Bytes(kMaxPayloadBytes + 1)}); }).code(),
            ErrorCode::kInvalidArgument);
}

TEST(Frame, ACutPayloadIsRefused) {
  const Bytes hello = encode(Hello{});
  for (std::size_t size = 0; size < hello.size(); ++size) {
    EXPECT_THROW(parse_hello(std::span(hello).first(size)), Error);
  }
  const Bytes result = encode(Result{.round = 1, .bytes = {kSome, kSome}});
  for (std::size_t size = 0; size < result.size(); ++size) {
    EXPECT_THROW(parse_result(std::span(result).first(size)), Error);
  }
  for (std::size_t size = 0; size < 8; ++size) {
    EXPECT_THROW(parse_contribution(Bytes(size)), Error);
    EXPECT_THROW(parse_failure(Bytes(size)), Error);
  }
}

TEST(Frame, TrailingBytesAreRefused) {
  Bytes hello = encode(Hello{});
  hello.push_back(std::byte{0});
  EXPECT_THAT(error_of([&] { parse_hello(hello); }).what(), HasSubstr("expected its end, got 1 more"));
  Bytes result = encode(Result{.round = 1, .bytes = {kSome}});
  result.push_back(std::byte{0});
  EXPECT_THROW(parse_result(result), Error);
}

TEST(Frame, FalseCountsAndSizesAreRefused) {
  Bytes result = encode(Result{.round = 1, .bytes = {kSome}});
  for (const std::size_t field : {4U, 8U}) {
    Bytes changed = result;
    std::fill_n(changed.begin() + static_cast<std::ptrdiff_t>(field), 4, std::byte{0xFF});
    EXPECT_THROW(parse_result(changed), Error);
  }
  Bytes failure = encode(Failure{});
  failure[0] = std::byte{200};
  EXPECT_THROW(parse_failure(failure), Error);
}

// Sanitizers watch that nothing outside the bytes is read.
TEST(Frame, RandomBytesGiveAnErrorOrAStruct) {
  std::mt19937_64 random(7);
  int num_errors = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = encode(Result{.round = 1, .bytes = {Bytes(random() % 5), Bytes(random() % 5)}});
    for (int change = 0; change < 3; ++change) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(bytes.size() - random() % 3);
    const std::span<const std::byte> exact(bytes);
    try {
      parse_result(exact);
      parse_contribution(exact);
      parse_failure(exact);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      ++num_errors;
    }
  }
  EXPECT_GT(num_errors, 10'000);
}

}  // namespace
}  // namespace crossdock::testing
