// Dispatch and combine beside other work on the same GPUs: a matrix product on another stream (how much each slows the
// other), and NCCL all-reduce (right bits, no hang).
// cuda_beside OUT.json
#include <cublas_v2.h>
#include <fmt/format.h>
#include <nccl.h>

#include <atomic>
#include <barrier>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "crossdock/crossdock.hpp"
#include "harness/device_buffer.hpp"
#include "harness/json.hpp"

namespace crossdock::micro {
namespace {

using gpu::DeviceBuffer;
using kernels::check_cuda;

constexpr int kRanks = 2;
constexpr int kTokens = 4096;
constexpr int kHidden = 7168;
constexpr int kTopK = 8;
constexpr int kExperts = 256;
constexpr int kSms = 24;
constexpr int kGemmSize = 8192;
constexpr int kGemms = 40;
constexpr int kRounds = 200;  ///< beside NCCL

void check_blas(cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw Error(ErrorCode::kSystem, fmt::format("cuBLAS: {}", static_cast<int>(status)));
}

void check_nccl(ncclResult_t status) {
  if (status != ncclSuccess) throw Error(ErrorCode::kSystem, fmt::format("NCCL: {}", ncclGetErrorString(status)));
}

class Event {
 public:
  Event() { check_cuda(cudaEventCreate(&event_), "cudaEventCreate"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  void record(cudaStream_t stream) const { check_cuda(cudaEventRecord(event_, stream), "cudaEventRecord"); }
  double us_since(const Event& start) const {
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, start.event_, event_), "cudaEventElapsedTime");
    return 1e3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// bf16 x bf16 -> bf16, leaving some SMs alone.
class Gemm {
 public:
  explicit Gemm(int num_sms) : a_(draw()), b_(draw()), c_(kBytes) {
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check_blas(cublasCreate(&handle_));
    check_blas(cublasSetStream(handle_, stream_));
    set_sms(num_sms);
  }
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;
  ~Gemm() {
    cublasDestroy(handle_);
    cudaStreamDestroy(stream_);
  }

  cudaStream_t stream() const { return stream_; }
  void set_sms(int num_sms) { check_blas(cublasSetSmCountTarget(handle_, num_sms)); }
  void run() const {
    const float one = 1;
    const float zero = 0;
    check_blas(cublasGemmEx(handle_, CUBLAS_OP_N, CUBLAS_OP_N, kGemmSize, kGemmSize, kGemmSize, &one, a_.as<void>(),
                            CUDA_R_16BF, kGemmSize, b_.as<void>(), CUDA_R_16BF, kGemmSize, &zero, c_.as<void>(),
                            CUDA_R_16BF, kGemmSize, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
  }

 private:
  static constexpr std::size_t kBytes = 2ULL * kGemmSize * kGemmSize;

  static DeviceBuffer draw() {
    std::mt19937 random(1);
    std::vector<std::uint16_t> values(std::size_t{kGemmSize} * kGemmSize);
    for (auto& value : values) value = static_cast<std::uint16_t>(0x3F80 | (random() & 0x803F));
    return DeviceBuffer::copy_of(values);
  }

  DeviceBuffer a_, b_, c_;
  cublasHandle_t handle_ = nullptr;
  cudaStream_t stream_ = nullptr;
};

/// One rank's tokens, on its GPU.
struct Tokens {
  explicit Tokens(int rank) {
    std::mt19937 random(static_cast<unsigned>(rank) + 1);
    std::vector<std::uint16_t> rows(std::size_t{kTokens} * kHidden);
    for (auto& value : rows) value = static_cast<std::uint16_t>(0x3F80 | (random() & 0x807F));
    std::vector<std::int32_t> experts;
    for (int i = 0; i < kTokens * kTopK; ++i) experts.push_back(static_cast<std::int32_t>(random() % kExperts));
    x = DeviceBuffer::copy_of(rows);
    idx = DeviceBuffer::copy_of(experts);
  }
  DispatchInput input() const {
    return {.x = dense_view(x.as<const void>(), DType::kBf16, {kTokens, kHidden}),
            .topk_idx = dense_view(idx.as<const void>(), DType::kInt32, {kTokens, kTopK})};
  }
  DeviceBuffer x, idx;
};

constexpr DispatchOptions kFlat{.max_recv_rows = std::int64_t{kRanks} * kTokens};

Group make_group(const World& world) {
  return {world,
          {.num_experts = kExperts,
           .top_k = kTopK,
           .hidden = kHidden,
           .max_tokens = kTokens,
           .expert_layout = false,
           .backend = Backend::kCuda,
           .device = world.rank(),
           .num_sms = kSms,
           .deadline = std::chrono::seconds(20)}};
}

struct Times {
  std::vector<double> dispatch = {};  ///< us, one each
  double gemm = 0;                    ///< us, of one
};

/// `gemms` products and dispatches at the same time, as long as the longer of both needs.
Times run_together(Group& group, const Tokens& tokens, Gemm& gemm, bool with_gemm, bool with_dispatch) {
  const auto stream = static_cast<cudaStream_t>(group.stream());
  constexpr int kMostDispatches = 400;
  std::vector<Event> events(2 * kMostDispatches);
  Event begin;
  Event end;
  begin.record(gemm.stream());
  for (int i = 0; with_gemm && i < kGemms; ++i) gemm.run();
  end.record(gemm.stream());
  int dispatches = 0;
  // Fixed, so that ranks agree: the products take longer.
  for (; with_dispatch && dispatches < kMostDispatches; ++dispatches) {
    events[static_cast<std::size_t>(2 * dispatches)].record(stream);
    group.dispatch(tokens.input(), kFlat);
    events[static_cast<std::size_t>(2 * dispatches + 1)].record(stream);
  }
  check_cuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  Times times{.gemm = end.us_since(begin) / kGemms};
  for (int i = 20; i < dispatches; ++i) {
    const Event& done = events[static_cast<std::size_t>(2 * i + 1)];
    // Only while products ran.
    if (with_gemm && done.us_since(begin) > end.us_since(begin)) break;
    times.dispatch.push_back(done.us_since(events[static_cast<std::size_t>(2 * i)]));
  }
  return times;
}

struct Overlap {
  double gemm_alone = 0, gemm_fewer_sms = 0, gemm_together = 0;
  double dispatch_alone = 0, dispatch_together = 0;
};

Overlap measure_overlap(Group& group, const Tokens& tokens, std::barrier<>& all) {
  int sms = 0;
  int device = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  check_cuda(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  Gemm gemm(sms);
  run_together(group, tokens, gemm, true, true);  // warm up
  all.arrive_and_wait();
  Overlap result;
  result.gemm_alone = run_together(group, tokens, gemm, true, false).gemm;
  result.dispatch_alone = median(run_together(group, tokens, gemm, false, true).dispatch);
  gemm.set_sms(sms - kSms);
  all.arrive_and_wait();
  result.gemm_fewer_sms = run_together(group, tokens, gemm, true, false).gemm;
  all.arrive_and_wait();
  const Times together = run_together(group, tokens, gemm, true, true);
  result.gemm_together = together.gemm;
  result.dispatch_together = median(together.dispatch);
  return result;
}

/// All-reduce on both GPUs until told to stop; counts them.
class AllReduce {
 public:
  AllReduce() {
    const int devices[kRanks] = {0, 1};
    check_nccl(ncclCommInitAll(communicators_, kRanks, devices));
    thread_ = std::thread([this] { run(); });
  }
  AllReduce(const AllReduce&) = delete;
  AllReduce& operator=(const AllReduce&) = delete;
  ~AllReduce() {
    stop();
    for (ncclComm_t communicator : communicators_) ncclCommDestroy(communicator);
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int count() const { return count_; }

 private:
  void run() {
    constexpr std::size_t kElements = 1U << 20;
    std::vector<DeviceBuffer> buffers;
    cudaStream_t streams[kRanks];
    for (int device = 0; device < kRanks; ++device) {
      check_cuda(cudaSetDevice(device), "cudaSetDevice");
      buffers.emplace_back(kElements * sizeof(float));
      check_cuda(cudaStreamCreateWithFlags(&streams[device], cudaStreamNonBlocking), "cudaStreamCreate");
    }
    while (!stopping_) {
      check_nccl(ncclGroupStart());
      for (int device = 0; device < kRanks; ++device) {
        auto* data = buffers[static_cast<std::size_t>(device)].as<void>();
        check_nccl(ncclAllReduce(data, data, kElements, ncclFloat, ncclSum, communicators_[device], streams[device]));
      }
      check_nccl(ncclGroupEnd());
      for (cudaStream_t stream : streams) check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
      ++count_;
    }
  }

  ncclComm_t communicators_[kRanks] = {};
  std::atomic<bool> stopping_ = false;
  std::atomic<int> count_ = 0;
  std::thread thread_;
};

std::vector<std::byte> round_trip(Group& group, const Tokens& tokens) {
  const DispatchResult rows = group.dispatch(tokens.input(), kFlat);
  const CombineResult sums = group.combine(rows.handle, {.x = rows.x});
  check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(group.stream())), "cudaStreamSynchronize");
  return gpu::read_back<std::byte>(sums.y.data, 1U << 20);
}

/// Rounds with other bits than those without NCCL.
int count_differences(Group& group, const Tokens& tokens, const std::vector<std::byte>& expected) {
  int differences = 0;
  for (int round = 0; round < kRounds; ++round) differences += round_trip(group, tokens) == expected ? 0 : 1;
  if (const auto error = group.status()) throw Error(*error);
  return differences;
}

template <typename Body>
void on_each_rank(const Body& body) {
  const std::vector<World> worlds = World::threads(kRanks);
  std::vector<std::thread> threads;
  std::vector<std::string> failures(kRanks);
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        check_cuda(cudaSetDevice(static_cast<int>(rank)), "cudaSetDevice");
        body(worlds[rank]);
      } catch (const std::exception& failure) {
        failures[rank] = failure.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) {
    if (!failure.empty()) throw Error(ErrorCode::kSystem, failure);
  }
}

Record beside_gemm() {
  std::barrier<> all(kRanks);
  std::vector<Overlap> overlaps(kRanks);
  on_each_rank([&](const World& world) {
    const Tokens tokens(world.rank());
    Group group = make_group(world);
    overlaps[static_cast<std::size_t>(world.rank())] = measure_overlap(group, tokens, all);
  });
  const Overlap& slower = overlaps[0].gemm_together > overlaps[1].gemm_together ? overlaps[0] : overlaps[1];
  fmt::print("beside a {0}^3 bf16 product, {1} SMs for dispatch, the others for the product; us\n", kGemmSize, kSms);
  fmt::print("product   alone {:8.1f}   alone on fewer SMs {:8.1f} ({:.2f})   beside {:8.1f} ({:.2f}; at most 1.34)\n",
             slower.gemm_alone, slower.gemm_fewer_sms, slower.gemm_fewer_sms / slower.gemm_alone, slower.gemm_together,
             slower.gemm_together / slower.gemm_alone);
  fmt::print("dispatch  alone {:8.1f}   beside {:8.1f} ({:.2f}; at most 1.15)\n", slower.dispatch_alone,
             slower.dispatch_together, slower.dispatch_together / slower.dispatch_alone);
  return Record()
      .text("what", "beside a matrix product")
      .number("sms", kSms)
      .number("gemm_alone_us", slower.gemm_alone)
      .number("gemm_fewer_sms_us", slower.gemm_fewer_sms)
      .number("gemm_together_us", slower.gemm_together)
      .number("dispatch_alone_us", slower.dispatch_alone)
      .number("dispatch_together_us", slower.dispatch_together);
}

Record beside_nccl() {
  std::atomic<int> differences = 0;
  std::barrier<> all(kRanks);
  std::unique_ptr<AllReduce> traffic;
  on_each_rank([&](const World& world) {
    const Tokens tokens(world.rank());
    Group group = make_group(world);
    const std::vector<std::byte> expected = round_trip(group, tokens);
    all.arrive_and_wait();
    if (world.rank() == 0) traffic = std::make_unique<AllReduce>();
    all.arrive_and_wait();
    differences += count_differences(group, tokens, expected);
  });
  traffic->stop();
  fmt::print("beside {} NCCL all-reduces of 4 MiB: {} rounds of dispatch and combine, {} with other bits\n",
             traffic->count(), kRounds, differences.load());
  if (differences != 0) throw Error(ErrorCode::kSystem, "beside NCCL: bits differ");
  return Record()
      .text("what", "beside NCCL all-reduce")
      .number("all_reduces", traffic->count())
      .number("rounds", kRounds)
      .number("differences", differences);
}

int run(const std::string& path) {
  std::vector<Record> records{describe_machine()};
  records.push_back(beside_gemm());
  records.push_back(beside_nccl());
  write_json(path, records);
  return 0;
}

}  // namespace
}  // namespace crossdock::micro

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: cuda_beside OUT.json\n");
    return 2;
  }
  try {
    return crossdock::micro::run(argv[1]);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "cuda_beside: {}\n", failure.what());
    return 1;
  }
}
