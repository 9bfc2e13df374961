#include "check/repeat_rank.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "backend.hpp"
#include "crossdock/group.hpp"
#include "gpu/graph.hpp"
#include "place.hpp"
#include "random.hpp"

namespace crossdock::tools::check {
namespace {

constexpr std::array kDispatchNames{
    "x",          "scales", "topk_weights", "tokens_per_expert", "topk_idx",     "expert_offsets",
    "row_expert", "source", "source_count", "source_begin",      "source_token", "device_num_rows"};
constexpr std::array kCombineNames{"y", "combined topk_weights"};
static_assert(kDispatchNames.size() + kCombineNames.size() <= gpu::kMaxHashed);

/// In the order of kDispatchNames.
std::vector<TensorView> tensors_of(const DispatchResult& result) {
  return {result.x,
          result.scales,
          result.topk_weights,
          result.tokens_per_expert,
          result.topk_idx,
          result.expert_offsets,
          result.row_expert,
          result.source,
          result.source_count,
          result.source_begin,
          result.source_token,
          result.device_num_rows};
}
std::vector<TensorView> tensors_of(const CombineResult& result) { return {result.y, result.topk_weights}; }

std::size_t span_bytes(const ConstTensorView& view) { return span_elements(view) * size_of(view.dtype); }

std::uint64_t hash_of(const reference::Tensor& tensor) {
  return tensor.shape.empty() ? 0 : gpu::hash_of({tensor.bytes.data(), span_bytes(tensor.view())});
}

gpu::Hashes hashes_of(const reference::Dispatched& dispatched, const reference::Combined& combined) {
  gpu::Hashes hashes{};
  std::size_t next = 0;
  for (const reference::Tensor* tensor :
       {&dispatched.x, &dispatched.scales, &dispatched.topk_weights, &dispatched.tokens_per_expert,
        &dispatched.topk_idx, &dispatched.expert_offsets, &dispatched.row_expert, &dispatched.source,
        &dispatched.source_count, &dispatched.source_begin, &dispatched.source_token}) {
    hashes[next++] = hash_of(*tensor);
  }
  hashes[next++] = gpu::hash_of(std::as_bytes(std::span(&dispatched.num_rows, 1)));
  for (const reference::Tensor* tensor : {&combined.y, &combined.topk_weights}) hashes[next++] = hash_of(*tensor);
  return hashes;
}

class RepeatRank {
 public:
  RepeatRank(const Case& made, const RepeatRun& run, const World& world, Rendezvous& rendezvous, gpu::Device& device)
      : operations_(made.rounds.front().operations),
        rank_(static_cast<std::size_t>(world.rank())),
        run_(run),
        rendezvous_(rendezvous),
        device_(device),
        place_(&device),
        group_(world, config_for(made, device)),
        window_bytes_(static_cast<std::int64_t>(made.config.window_bytes)),
        seed_(made.plan.seed) {
    device_.use_stream(run.graph ? device.own_stream() : group_.stream());
    hash_.emplace(device_);
    put_sets();
    if (run_.graph) make_graph();
    device_.wait();
  }

  RepeatRecord run() {
    rendezvous_.wait();
    const auto begin = std::chrono::steady_clock::now();
    for (std::int64_t number = 0; number < run_.repetitions; ++number) {
      const std::size_t set = draw(seed_, static_cast<std::uint64_t>(number)) % operations_.size();
      if (run_.graph) {
        replay(set);
      } else {
        repeat(set);
      }
      if (number % kBetweenLooks == kBetweenLooks - 1) look();
    }
    look();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    const gpu::Verdict verdict = hash_->verdict();
    rendezvous_.wait();
    graph_.reset();
    return {.verdict = verdict, .seconds = elapsed.count()};
  }

 private:
  static constexpr std::int64_t kBetweenLooks = 256;

  /// Inputs of an operation on the GPU.
  struct Set {
    DispatchInput dispatch;
    CombineInput combine;
    void* expected = nullptr;  ///< gpu::Hashes
  };

  static GroupConfig config_for(const Case& made, const gpu::Device& device) {
    GroupConfig config = made.config;
    put_on_device(&device, made.plan.num_ranks, config);
    return config;
  }

  void put_sets() {
    for (const Operation& operation : operations_) {
      const Part& part = operation.parts[rank_];
      Set& set = sets_.emplace_back();
      set.dispatch = place_.put(part.dispatch_input());
      set.combine = place_.put(part.combine_input());
      const gpu::Hashes hashes = hashes_of(operation.dispatched[rank_], operation.combined[rank_]);
      set.expected = device_.take(sizeof(hashes));
      device_.upload(set.expected, hashes.data(), sizeof(hashes));
    }
  }

  DispatchOptions dispatch_options(std::size_t set) const {
    DispatchOptions options = operations_[set].dispatch_options();
    options.max_recv_rows = operations_[set].parts[rank_].max_recv_rows;
    options.execution.stream = Stream::of(device_.stream());
    return options;
  }

  CombineOptions combine_options(std::size_t set) const {
    CombineOptions options = operations_[set].combine_options();
    options.execution.stream = Stream::of(device_.stream());
    return options;
  }

  Group::Allocation allocate_like(const ConstTensorView& x) {
    const auto& s = x.shape;
    return x.num_dims == 3 ? group_.allocate(x.dtype, {s[0], s[1], s[2]}) : group_.allocate(x.dtype, {s[0], s[1]});
  }

  /// Half of the sets combine rows of the window.
  void repeat(std::size_t set) {
    poison_window();
    const DispatchResult dispatched = group_.dispatch(sets_[set].dispatch, dispatch_options(set));
    add_hashes(0, tensors_of(dispatched));
    CombineInput input = sets_[set].combine;
    Group::Allocation rows;
    if (set % 2 == 0) {
      rows = allocate_like(input.x);
      place_.copy(rows.view, input.x);
      input.x = rows.view;
    }
    const CombineResult combined = group_.combine(dispatched.handle, input, combine_options(set));
    add_hashes(kDispatchNames.size(), tensors_of(combined));
    hash_->end(sets_[set].expected);
  }

  void add_hashes(std::size_t first, const std::vector<TensorView>& tensors) {
    std::vector<gpu::HashedMemory> memory;
    for (const TensorView& tensor : tensors) memory.push_back({.data = tensor.data, .bytes = span_bytes(tensor)});
    hash_->add(first, memory);
  }

  /// The graph works on copies, which every replay writes anew.
  void make_graph() {
    captured_ = sets_.front();
    for (ConstTensorView* view : {&captured_.dispatch.x, &captured_.dispatch.scales, &captured_.dispatch.topk_idx,
                                  &captured_.dispatch.topk_weights, &captured_.combine.recv_topk_weights}) {
      if (view->given()) view->data = device_.take(span_bytes(*view));
    }
    captured_rows_ = allocate_like(captured_.combine.x);
    captured_.combine.x = captured_rows_.view;
    captured_.expected = device_.take(sizeof(gpu::Hashes));
    graph_.emplace(device_, [this] {
      dispatched_ = group_.dispatch(captured_.dispatch, dispatch_options(0));
      add_hashes(0, tensors_of(dispatched_));
      combined_ = group_.combine(dispatched_.handle, captured_.combine, combine_options(0));
      add_hashes(kDispatchNames.size(), tensors_of(combined_));
      hash_->end(captured_.expected);
    });
  }

  void replay(std::size_t number) {
    const Set& set = sets_[number];
    copy_input(captured_.dispatch.x, set.dispatch.x);
    copy_input(captured_.dispatch.scales, set.dispatch.scales);
    copy_input(captured_.dispatch.topk_idx, set.dispatch.topk_idx);
    copy_input(captured_.dispatch.topk_weights, set.dispatch.topk_weights);
    copy_input(captured_.combine.x, set.combine.x);
    copy_input(captured_.combine.recv_topk_weights, set.combine.recv_topk_weights);
    device_.copy(captured_.expected, set.expected, sizeof(gpu::Hashes));
    for (const TensorView& tensor : tensors_of(dispatched_)) place_.poison(tensor.data, span_bytes(tensor));
    for (const TensorView& tensor : tensors_of(combined_)) place_.poison(tensor.data, span_bytes(tensor));
    graph_->launch();
  }

  void copy_input(const ConstTensorView& to, const ConstTensorView& from) {
    // memory of the program or of the window, which a view for calls shows as constant
    if (from.given()) device_.copy(const_cast<void*>(to.data), from.data, span_bytes(from));
  }

  void poison_window() {
    std::vector<Group::Allocation> pieces;
    for (std::int64_t bytes = largest_free(); bytes > 0; bytes = largest_free()) {
      pieces.push_back(group_.allocate(DType::kFp8E4m3, {bytes}));
      place_.poison(pieces.back().view.data, static_cast<std::size_t>(bytes));
    }
  }

  std::int64_t largest_free() {
    try {
      const Group::Allocation all = group_.allocate(DType::kFp8E4m3, {window_bytes_});
      return window_bytes_;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kWindowTooSmall) throw;
      return error.report().observed;
    }
  }

  void look() {
    device_.wait();
    rendezvous_.note_progress();
    if (const auto error = group_.status()) throw Error(*error);
  }

  const std::vector<Operation>& operations_;
  std::size_t rank_;
  RepeatRun run_;
  Rendezvous& rendezvous_;
  gpu::Device& device_;
  Place place_;
  Group group_;
  std::int64_t window_bytes_;
  std::uint64_t seed_;
  std::optional<gpu::HashCheck> hash_;
  std::vector<Set> sets_;
  Set captured_;
  Group::Allocation captured_rows_;
  DispatchResult dispatched_;
  CombineResult combined_;
  std::optional<gpu::Graph> graph_;
};

}  // namespace

RepeatRecord run_repetitions(const Case& made, const RepeatRun& run, const World& world, Rendezvous& rendezvous,
                             gpu::Device& device) {
  device.give_back_all();
  return RepeatRank(made, run, world, rendezvous, device).run();
}

std::string tensor_names(std::uint64_t tensors) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kDispatchNames.size() + kCombineNames.size(); ++i) {
    if ((tensors >> i & 1) == 0) continue;
    names.emplace_back(i < kDispatchNames.size() ? kDispatchNames[i] : kCombineNames[i - kDispatchNames.size()]);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace crossdock::tools::check
