// The words of the contract (docs/design/semantics.md) as types. name_of() a value that its enum does not have is
// "unknown".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace crossdock {

/// Element types. kFp8E4m3 is e4m3fn (no infinity, largest value 448).
/// A scale tensor is kFp32, or kInt32 for four packed ue8m0 exponent bytes.
enum class DType : std::uint8_t { kBf16, kFp16, kFp32, kFp8E4m3, kInt32, kInt64 };

/// Bytes of one element. Throws InvalidArgument where the enum has no such value.
std::size_t size_of(DType dtype);
std::string_view name_of(DType dtype);

/// Order of the rows that dispatch returns.
///   kFlat             one row a (token, rank); order: source rank, source token
///   kExpertContiguous one row a selection; order: expert, source rank, source token, k
///   kExpertPadded     [E_local, R * T_max, H], static shape; order inside an expert: source rank, source token
enum class Layout : std::uint8_t { kFlat, kExpertContiguous, kExpertPadded };
std::string_view name_of(Layout layout);

/// How rows travel. kThroughput: request and reply, then rows into their final slots.
/// kLatency: rows go at once into a static area of the receiver, which packs them.
enum class Mode : std::uint8_t { kThroughput, kLatency };
std::string_view name_of(Mode mode);

/// The static layout is the latency layout, the exact ones are throughput layouts: the mode follows.
constexpr Mode mode_of(Layout layout) { return layout == Layout::kExpertPadded ? Mode::kLatency : Mode::kThroughput; }

/// Order of the additions of combine (docs/design/semantics.md, "Combine").
///   kPerRank       a row a rank, rounded to the wire type; then ranks ascending
///   kPerSelection  every selection's row in ascending (rank, k); expert layouts of one node
///   kHierarchical  kPerRank inside a node, one rounded row a node; then nodes ascending
enum class ReductionTree : std::uint8_t { kPerRank, kPerSelection, kHierarchical };
std::string_view name_of(ReductionTree tree);

/// FP8 made inside dispatch, over blocks of kQuantBlock channels. kNone moves x as it is.
///   kFp8            scale = max(amax, 1e-4) / 448, fp32
///   kFp8PowerOfTwo  that scale rounded up to a power of two, fp32
///   kFp8Ue8m0       the same power of two as an exponent byte; block i in byte i % 4 of int32 i / 4
enum class Quantize : std::uint8_t { kNone, kFp8, kFp8PowerOfTwo, kFp8Ue8m0 };
std::string_view name_of(Quantize quantize);

/// Who moves the rows. kCpu takes tensors in host memory, kCuda in memory of the rank's GPU.
enum class Backend : std::uint8_t { kCpu, kCuda };
std::string_view name_of(Backend backend);

/// How ranks came to one another's windows.
///   kAddresses        threads of one process: nothing is handed over
///   kFileDescriptors  processes of one machine
///   kFabricHandles    processes of one NVLink domain; kCuda, where every rank's GPU can
enum class WindowSharing : std::uint8_t { kAddresses, kFileDescriptors, kFabricHandles };
std::string_view name_of(WindowSharing sharing);

/// Channels that share one FP8 scale.
inline constexpr int kQuantBlock = 128;

/// Order of returned scales. kColumnMajor has strides (1, rows rounded up to 4), per expert in kExpertPadded.
enum class ScaleOrder : std::uint8_t { kRowMajor, kColumnMajor };
std::string_view name_of(ScaleOrder order);

}  // namespace crossdock
