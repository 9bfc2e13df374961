// Ranks as processes of one machine: the memory of a rank is a memfd, handed over a Unix socket that stays open as a
// life line.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "crossdock/error.hpp"
#include "transport/bootstrap/agreement.hpp"
#include "transport/bootstrap/introduction.hpp"
#include "transport/bootstrap/unix_socket.hpp"
#include "transport/bootstrap/wire.hpp"
#include "transport/local/connect.hpp"
#include "transport/local/mapped_transport.hpp"
#include "transport/local/rank_memory.hpp"
#include "transport/rank_list.hpp"
#include "transport/system/descriptor_need.hpp"
#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

// Travels with the memory file, in both directions of every connection.
struct Hello {
  std::uint64_t token = 0;  ///< the receiver's
  std::int64_t rank = -1;   ///< the sender's
};

// Memory without a name in any file system: it is gone with its last mapping, however its processes end. Sealed, so
// that no peer can shrink it under a reader.
FileDescriptor make_memory_file(int rank, std::size_t bytes) {
  FileDescriptor file(::memfd_create(fmt::format("crossdock-rank-{}", rank).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) throw_system("memfd_create");
  require_file_size(bytes);
  if (::ftruncate(file.number(), static_cast<off_t>(bytes)) != 0) {
    throw_system("ftruncate", fmt::format("{} bytes for a window", bytes));
  }
  if (::fcntl(file.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    throw_system("fcntl(F_ADD_SEALS)");
  }
  return file;
}

/// A listening socket, and for each rank its memory, a connection and its process; two more for a stranger that knocks.
int descriptors_to_connect(int num_ranks) { return 1 + 3 * num_ranks + 2; }

void check_file_size(const FileDescriptor& file, std::size_t expected, int rank) {
  struct stat status{};
  if (::fstat(file.number(), &status) != 0) throw_system("fstat");
  if (static_cast<std::size_t>(status.st_size) != expected) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("window of rank {}: expected a file of {} bytes, got {}", rank, expected, status.st_size));
  }
}

/// One rank's part in connecting everybody with everybody.
class Meeting {
 public:
  Meeting(Bootstrap& bootstrap, const LocalOptions& options, const base::Deadline& deadline)
      : rank_(bootstrap.rank()), num_ranks_(bootstrap.num_ranks()), deadline_(deadline) {
    const RankMemoryShape shape{.board = {.num_ranks = num_ranks_, .num_signals = options.num_signals},
                                .window_bytes = options.window_bytes};
    check_shape(shape);
    require_descriptors(descriptors_to_connect(num_ranks_), "connect", rank_);
    own_file_ = make_memory_file(rank_, shape.bytes());
    const std::string name = unguessable_socket_name();
    listener_ = listen_on(name);
    introduction_ = introduce(name, {.window_bytes = options.window_bytes, .num_signals = options.num_signals});
  }

  const Introduction& introduction() const { return introduction_; }

  /// Each rank connects to the lower ones, then takes the higher ones in. A connection is usable before it is accepted,
  /// so nobody waits in a circle.
  std::vector<MappedRank> meet(const std::vector<std::vector<std::byte>>& gathered) {
    parse(gathered);
    sockets_.resize(static_cast<std::size_t>(num_ranks_));
    files_.resize(static_cast<std::size_t>(num_ranks_));
    for (int peer = 0; peer < rank_; ++peer) connect_to_lower(peer);
    for (int missing = num_ranks_ - 1 - rank_; missing > 0;) missing -= take_in_higher() ? 1 : 0;
    for (int peer = 0; peer < rank_; ++peer) hear_from_lower(peer);
    return map_all();
  }

 private:
  static std::size_t at(int rank) { return static_cast<std::size_t>(rank); }

  void parse(const std::vector<std::vector<std::byte>>& gathered) {
    std::vector<MemoryOffer> offers;
    for (int peer = 0; peer < num_ranks_; ++peer) {
      peers_.push_back(parse_introduction(gathered[at(peer)], peer));
      offers.push_back(peers_.back().offer);
    }
    check_neighbours(peers_);
    shapes_ = shapes_of(offers);
  }

  void greet(int peer) {
    const Hello hello{.token = peers_[at(peer)].token, .rank = rank_};
    if (!send_with_file(sockets_[at(peer)], bytes_of(hello), own_file_)) throw_lost(peer);
  }

  void connect_to_lower(int peer) {
    sockets_[at(peer)] = connect_to(std::string(text_of(peers_[at(peer)].socket_name)), deadline_);
    if (!sockets_[at(peer)]) throw_lost(peer);
    greet(peer);
  }

  // False where it was a stranger: he is dropped, and the peers are still waited for.
  bool take_in_higher() {
    FileDescriptor socket = accept_from(listener_, deadline_);
    if (!socket) throw_missing();
    if (peer_credentials(socket).uid != introduction_.uid) return false;
    Received received = receive_with_file(socket, sizeof(Hello), deadline_);
    if (received.bytes.size() != sizeof(Hello) || !received.file) return false;
    const auto hello = struct_of<Hello>(received.bytes, "hello");
    const bool valid = hello.token == introduction_.token && hello.rank > rank_ && hello.rank < num_ranks_;
    const int peer = valid ? static_cast<int>(hello.rank) : -1;
    if (!valid || sockets_[at(peer)]) return false;
    sockets_[at(peer)] = std::move(socket);
    files_[at(peer)] = std::move(received.file);
    greet(peer);
    return true;
  }

  void hear_from_lower(int peer) {
    Received received = receive_with_file(sockets_[at(peer)], sizeof(Hello), deadline_);
    if (received.bytes.empty() && deadline_.expired()) throw_silent({peer});
    if (received.bytes.size() != sizeof(Hello) || !received.file) throw_lost(peer);
    const auto hello = struct_of<Hello>(received.bytes, "hello");
    if (hello.token != introduction_.token || hello.rank != peer) throw_lost(peer);
    files_[at(peer)] = std::move(received.file);
  }

  std::vector<MappedRank> map_all() {
    std::vector<MappedRank> ranks;
    for (int peer = 0; peer < num_ranks_; ++peer) {
      const FileDescriptor& file = peer == rank_ ? own_file_ : files_[at(peer)];
      const RankMemoryShape& shape = shapes_[at(peer)];
      check_file_size(file, shape.bytes(), peer);
      auto memory = std::make_shared<const Mapping>(Mapping::shared_file(file.number(), shape.bytes()));
      ranks.push_back({.memory = RankMemory(std::move(memory), shape),
                       .line = peer == rank_ ? LifeLine() : LifeLine(std::move(sockets_[at(peer)]))});
    }
    return ranks;
  }

  [[noreturn]] void throw_lost(int peer) const {
    const Introduction& lost = peers_[at(peer)];
    throw Error(ErrorCode::kRankLost,
                fmt::format("connect: rank {} (process {} on {}) hung up", peer, lost.pid, text_of(lost.host)),
                {.operation = "connect", .phase = "hello", .rank = rank_, .peer = peer});
  }

  [[noreturn]] void throw_missing() const {
    std::vector<int> missing;
    for (int peer = rank_ + 1; peer < num_ranks_; ++peer) {
      if (!sockets_[at(peer)]) missing.push_back(peer);
    }
    throw_silent(missing);
  }

  [[noreturn]] void throw_silent(const std::vector<int>& missing) const {
    throw Error(ErrorCode::kDeadlineExceeded,
                fmt::format("connect: {} did not connect in time", describe_ranks(missing)),
                {.operation = "connect", .phase = "hello", .rank = rank_, .peer = missing.front()});
  }

  int rank_;
  int num_ranks_;
  const base::Deadline& deadline_;
  FileDescriptor own_file_;
  FileDescriptor listener_;
  Introduction introduction_;
  std::vector<Introduction> peers_;
  std::vector<RankMemoryShape> shapes_;
  std::vector<FileDescriptor> sockets_;
  std::vector<FileDescriptor> files_;
};

}  // namespace

void connect_processes(Bootstrap& bootstrap, const LocalOptions& options, const MakeOf& make) {
  const base::Deadline deadline(options.deadline);
  std::unique_ptr<Meeting> meeting;
  const auto gathered = agree(bootstrap, deadline, [&] {
    meeting = std::make_unique<Meeting>(bootstrap, options, deadline);
    return with_claim(bytes_of(meeting->introduction()), claim_cores());
  });
  agree(bootstrap, deadline, [&] {
    const auto [introductions, claims] = split_claims(gathered, sizeof(Introduction));
    make(std::make_unique<MappedTransport>(bootstrap.rank(), meeting->meet(introductions), claims));
    return std::vector<std::byte>{};
  });
}

}  // namespace crossdock::transport
