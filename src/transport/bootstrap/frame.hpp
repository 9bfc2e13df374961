// What crosses a bootstrap connection, as bytes and back. Pure: no sockets here.
//
// A frame is a header and a payload; integers are little-endian:
//
//   header        magic u32 = "XDKB" | version u16 | type u16 | payload bytes u32
//   hello         identity text | library text | num_ranks u32 | rank u32 | deadline_ms u32
//                                                                a rank to rank 0, first of all
//   accepted      -                                              rank 0 knows the rank
//   ready         -                                              all ranks have appeared
//   contribution  round u32 | deadline_ms u32 | bytes            a rank to rank 0
//   result        round u32 | count u32 | count x (bytes u32) | the bytes by rank
//   failure       code u32 | peer u32 | the text's bytes         either way; the connection ends with it
//   stranger      identity text | library text                   rank 0 of another job: who listens here
//   place         identity text | address text | port u32        rank 0, through a launcher's store: where it listens
//
// A text is its bytes u16 and the bytes. The header, failure, stranger and the two texts of hello are the same in every
// version from 2 on, so that ranks of different versions can tell each other why there is no job.
//
// Every parse function throws Error(kInvalidArgument) where the bytes are not what they should be, and reads no byte
// outside them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crossdock/error.hpp"

namespace crossdock::transport {

using Bytes = std::vector<std::byte>;

enum class FrameType : std::uint16_t {
  kHello = 1,
  kAccepted,
  kReady,
  kContribution,
  kResult,
  kFailure,
  kStranger,
  kPlace
};

inline constexpr std::uint32_t kFrameMagic = 0x424b'4458;  // "XDKB"
inline constexpr std::uint16_t kFrameVersion = 2;
inline constexpr std::size_t kFrameHeaderBytes = 12;
/// Larger frames are refused by sender and receiver.
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{64} << 20;

struct Frame {
  FrameType type = FrameType::kFailure;
  Bytes payload = {};
  std::uint16_t version = kFrameVersion;  ///< another one: a hello, failure or stranger of another library
};

/// Header and payload.
Bytes encode(const Frame& frame);

/// Cuts a stream of bytes into frames.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_payload_bytes = kMaxPayloadBytes) : max_payload_bytes_(max_payload_bytes) {}

  void set_max_payload_bytes(std::size_t bytes) { max_payload_bytes_ = bytes; }
  void append(std::span<const std::byte> bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
  /// The next complete frame. Throws as soon as the header is wrong.
  std::optional<Frame> next();

 private:
  std::size_t max_payload_bytes_;
  Bytes buffer_;
};

/// Of texts that say who somebody is. Longer ones are refused by sender and receiver.
inline constexpr std::size_t kMaxTextBytes = 1024;

struct Hello {
  std::string identity = {};  ///< of the job; empty where it has none
  std::string library = {};   ///< its version
  std::uint32_t num_ranks = 0;
  std::uint32_t rank = 0;
  std::uint32_t deadline_ms = 0;  ///< how long this rank will wait
};
Bytes encode(const Hello& hello);
/// Of another version only the texts are read.
Hello parse_hello(std::span<const std::byte> payload, std::uint16_t version = kFrameVersion);
inline constexpr std::size_t kMaxHelloBytes = 2 * (2 + kMaxTextBytes) + 12;

/// Who listens where a rank of another job has come.
struct Stranger {
  std::string identity = {};
  std::string library = {};
};
Bytes encode(const Stranger& stranger);
Stranger parse_stranger(std::span<const std::byte> payload);

/// Where rank 0 listens, for ranks that can ask a launcher.
struct Place {
  std::string identity = {};
  std::string address = {};  ///< as in Endpoint
  std::uint32_t port = 0;
};
Bytes encode(const Place& place);
Place parse_place(std::span<const std::byte> payload);

/// `job "17.0"`, `a job without a name`: for messages, with whatever a stranger may have sent.
std::string describe_job(const std::string& identity);

struct Contribution {
  std::uint32_t round = 0;
  std::uint32_t deadline_ms = 0;
  Bytes bytes = {};
};
Bytes encode(const Contribution& contribution);
Contribution parse_contribution(std::span<const std::byte> payload);

struct Result {
  std::uint32_t round = 0;
  std::vector<Bytes> bytes = {};  ///< by rank
};
Bytes encode(const Result& result);
Result parse_result(std::span<const std::byte> payload);

struct Failure {
  ErrorCode code = ErrorCode::kRankLost;
  std::int32_t peer = -1;
  std::string text = {};
};
Bytes encode(const Failure& failure);
Failure parse_failure(std::span<const std::byte> payload);

}  // namespace crossdock::transport
