#include "bench/gpu_rank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>

#include "backend.hpp"
#include "bench/experts.hpp"
#include "bench/verify.hpp"
#include "crossdock/group.hpp"
#include "gpu/graph.hpp"
#include "gpu/link.hpp"
#include "gpu/timer.hpp"
#include "note.hpp"
#include "place.hpp"

namespace crossdock::tools::bench {
namespace {

/// For the host to queue all calls of a measurement.
constexpr int kQueueingUs = 6000;

std::size_t device_bytes(const Scenario& scenario) {
  const auto tokens = static_cast<std::size_t>(scenario.tokens);
  const std::size_t token = scenario.x_row_bytes() + static_cast<std::size_t>(scenario.scale_words()) * 4 +
                            static_cast<std::size_t>(scenario.top_k()) * 8;
  return scenario.sets.size() * (tokens * token + 4096) + (std::size_t{1} << 20);
}

void keep(const Tally& tally, OperationRecord& record) {
  record.verified_bytes = tally.bytes();
  record.differences = tally.differences();
  const std::size_t length = std::min(tally.first().size(), record.first_difference.size() - 1);
  std::copy_n(tally.first().begin(), length, record.first_difference.begin());
}

class GpuRankBench {
 public:
  GpuRankBench(const GpuPlan& plan, const World& world, Rendezvous& rendezvous, GpuMeasurements& measurements)
      : plan_(plan),
        scenario_(plan.scenario),
        rank_(world.rank()),
        rendezvous_(rendezvous),
        measurements_(measurements),
        device_(open_device(Backend::kCuda, world, device_bytes(plan.scenario))),
        place_(device_.get()),
        group_(world, config_for(plan.scenario, *device_)),
        marks_(*device_, std::max<std::size_t>(2 * static_cast<std::size_t>(plan.samples), 2 * kPairs + 1)),
        pause_(*device_) {}

  void run() {
    if (rank_ == 0) measurements_.window_sharing() = group_.window_sharing();
    measure_link();
    say("making inputs");
    make_inputs();
    make_combine_rows();
    for (std::size_t cell = 0; cell < plan_.cells.size(); ++cell) {
      rendezvous_.wait();
      time_cell(cell);
      if (const auto error = group_.status()) throw Error(*error);
    }
    handles_.clear();
    if (scenario_.verify) verify();
    rendezvous_.wait();
  }

 private:
  static GroupConfig config_for(const Scenario& scenario, const gpu::Device& device) {
    GroupConfig config = scenario.config;
    put_on_device(&device, scenario.num_ranks, config);
    return config;
  }

  void say(const char* what) const {
    if (rank_ == 0) print_note("{}: {}", name_of(mode_of(scenario_.layout)), what);
  }

  void measure_link() {
    rendezvous_.wait();
    if (rank_ == 0) {
      say("measuring the copy engines");
      measurements_.copy_engine_gbps() = gpu::copy_engine_rate(std::min(gpu::count_devices(), scenario_.num_ranks));
      if (has_sm_limit()) measure_sms();
    }
    rendezvous_.wait();
  }

  /// Throughput mode alone takes the SMs that it is told, and ranks on one GPU share its SMs and its links.
  bool has_sm_limit() const {
    const bool throughput = mode_of(scenario_.layout) == Mode::kThroughput;
    return throughput && scenario_.num_ranks > 1 && scenario_.num_ranks <= gpu::count_devices();
  }

  void measure_sms() {
    using Way = gpu::LinkBench::Way;
    say("measuring stores and loads by SMs");
    const gpu::LinkBench bench(scenario_.num_ranks);
    for (std::size_t i = 0; i < plan_.sms.size(); ++i) {
      measurements_.sm_rates(i) = {.store_gbps = bench.best_rate(Way::kStore, plan_.sms[i]),
                                   .load_gbps = bench.best_rate(Way::kLoad, plan_.sms[i])};
      rendezvous_.note_progress();
    }
  }

  std::size_t num_sets() const { return scenario_.sets.size(); }
  /// Each call is put on the program's stream.
  Execution execution(int sms) const { return {.stream = Stream::of(device_->stream()), .num_sms = sms}; }

  void make_inputs() {
    const auto tokens = static_cast<std::size_t>(scenario_.tokens);
    const auto words = static_cast<std::size_t>(scenario_.scale_words());
    std::vector<std::byte> x(std::max<std::size_t>(tokens * scenario_.x_row_bytes(), 1));
    std::vector<float> scales(std::max<std::size_t>(tokens * words, 1));
    for (int set = 0; set < static_cast<int>(num_sets()); ++set) {
      for (std::size_t token = 0; token < tokens; ++token) {
        const auto number = static_cast<std::int64_t>(token);
        fill_x_row(scenario_, set, rank_, number,
                   {x.data() + token * scenario_.x_row_bytes(), scenario_.x_row_bytes()});
        if (words > 0) fill_scales_row(scenario_, set, rank_, number, {scales.data() + token * words, words});
      }
      inputs_.push_back(place_.put(input_of(set, x, scales)));
      rendezvous_.note_progress();
    }
  }

  DispatchInput input_of(int set, const std::vector<std::byte>& x, const std::vector<float>& scales) const {
    const Routing& routing = scenario_.sets[static_cast<std::size_t>(set)];
    const std::size_t first = routing.at(rank_, 0);
    DispatchInput input{
        .x = dense_view(x.data(), scenario_.x_dtype, {scenario_.tokens, scenario_.hidden}),
        .topk_idx = dense_view(routing.experts.data() + first, DType::kInt32, {scenario_.tokens, routing.top_k}),
        .topk_weights = dense_view(routing.weights.data() + first, DType::kFp32, {scenario_.tokens, routing.top_k})};
    if (scenario_.scale_words() > 0) {
      input.scales = dense_view(scales.data(), DType::kFp32, {scenario_.tokens, scenario_.scale_words()});
    }
    return input;
  }

  DispatchOptions dispatch_options(int sms, bool exact) const {
    DispatchOptions options = scenario_.dispatch_options();
    if (!exact && scenario_.layout != Layout::kExpertPadded) options.max_recv_rows = plan_.rows;
    options.execution = execution(sms);
    return options;
  }

  /// Combine's input for every call: what is in it does not matter for its time. A handle a set.
  void make_combine_rows() {
    for (std::size_t set = 0; set < num_sets(); ++set) {
      const DispatchResult result = group_.dispatch(inputs_[set], dispatch_options(0, false));
      handles_.push_back(result.handle);
      if (set == 0) rows_ = allocate_like(result.x);
    }
    fill_rows();
    device_->wait();
  }

  Group::Allocation allocate_like(const TensorView& x) {
    const auto& s = x.shape;
    return x.num_dims == 3 ? group_.allocate(scenario_.combine_dtype, {s[0], s[1], s[2]})
                           : group_.allocate(scenario_.combine_dtype, {s[0], s[1]});
  }

  void fill_rows() {
    const ConstTensorView& x = inputs_.front().x;
    auto* to = static_cast<std::byte*>(rows_.view.data);
    for (std::size_t at = 0; at < rows_.view.num_bytes() && x.num_bytes() > 0; at += x.num_bytes()) {
      device_->copy(to + at, x.data, std::min(x.num_bytes(), rows_.view.num_bytes() - at));
    }
  }

  void time_cell(std::size_t index) {
    const TimedCell& cell = plan_.cells[index];
    if (rank_ == 0) print_note("{}, SMs: {}", name_of(cell.what), text_of_sms(cell.sms));
    switch (cell.what) {
      case Timed::kDispatch:
      case Timed::kExact:
        time_calls(index, cell.what == Timed::kDispatch, [&](std::size_t set) {
          group_.dispatch(inputs_[set], dispatch_options(cell.sms, cell.what == Timed::kExact));
        });
        break;
      case Timed::kCached:
        time_calls(index, true, [&](std::size_t set) {
          DispatchInput input = inputs_[set];
          input.topk_idx = {};
          group_.dispatch(handles_[set], input, dispatch_options(cell.sms, false));
        });
        break;
      case Timed::kCombine:
        time_calls(index, true, [&](std::size_t set) { combine(handles_[set], cell.sms); });
        break;
      case Timed::kPair:
        time_pairs(index, cell.sms);
        break;
      case Timed::kPairDispatch:
      case Timed::kPairCombine:
        time_halves(index, cell);
        break;
    }
  }

  void combine(const Handle& handle, int sms) {
    const CombineOptions options{.execution = execution(sms)};
    group_.combine(handle, {.x = rows_.view}, options);
  }

  /// Calls one after the other; queued where no call waits for the host. Ranks keep in step by the calls themselves.
  void time_calls(std::size_t cell, bool queued, const std::function<void(std::size_t set)>& call) {
    if (queued) pause_.start(kQueueingUs);
    const auto warmup = static_cast<std::size_t>(plan_.warmup);
    const auto samples = static_cast<std::size_t>(plan_.samples);
    for (std::size_t i = 0; i < warmup; ++i) call(i % num_sets());
    for (std::size_t i = 0; i < samples; ++i) {
      marks_.set(2 * i);
      call((warmup + i) % num_sets());
      marks_.set(2 * i + 1);
    }
    device_->wait();
    for (std::size_t i = 0; i < samples; ++i) note(cell, i, marks_.us_between(2 * i, 2 * i + 1));
  }

  void note(std::size_t cell, std::size_t sample, double us) {
    measurements_.us(cell, sample, static_cast<std::size_t>(rank_)) = us;
  }

  void pair(std::size_t number, int sms, const std::function<void()>& between) {
    const DispatchResult result = group_.dispatch(inputs_[number % num_sets()], dispatch_options(sms, false));
    between();
    combine(result.handle, sms);
  }

  /// kPairs pairs and nothing else.
  void time_pairs(std::size_t cell, int sms) {
    const gpu::Graph graph(*device_, [&] {
      for (std::size_t i = 0; i < kPairs; ++i) pair(i, sms, [] {});
    });
    rendezvous_.wait();
    pause_.start(kQueueingUs);
    for (int i = 0; i < plan_.warmup; ++i) graph.launch();
    for (std::size_t i = 0; i < static_cast<std::size_t>(plan_.samples); ++i) {
      marks_.set(2 * i);
      graph.launch();
      marks_.set(2 * i + 1);
    }
    device_->wait();
    for (std::size_t i = 0; i < static_cast<std::size_t>(plan_.samples); ++i) {
      note(cell, i, marks_.us_between(2 * i, 2 * i + 1) / kPairs);
    }
    rendezvous_.wait();  // memory of the graph is given back while no rank waits in a kernel
  }

  /// The same pairs with a mark before, between and behind all of them.
  void time_halves(std::size_t cell, const TimedCell& timed) {
    const gpu::Graph graph(*device_, [&] {
      marks_.set(0);
      for (std::size_t i = 0; i < kPairs; ++i) {
        pair(i, timed.sms, [&] { marks_.set(2 * i + 1); });
        marks_.set(2 * i + 2);
      }
    });
    rendezvous_.wait();
    const std::size_t first = timed.what == Timed::kPairDispatch ? 0 : 1;
    const auto warmup = static_cast<std::size_t>(plan_.warmup);
    for (std::size_t i = 0; i < warmup + static_cast<std::size_t>(plan_.samples); ++i) {
      rendezvous_.wait();
      graph.launch();
      device_->wait();
      if (i < warmup) continue;
      double sum = 0;  // without the first pair, to which ranks come one after the other
      for (std::size_t at = first + 2; at < 2 * kPairs; at += 2) sum += marks_.us_between(at, at + 1);
      note(cell, i - warmup, sum / (kPairs - 1));
    }
    rendezvous_.wait();
  }

  Progress progress() {
    return [this](double) { rendezvous_.note_progress(); };
  }

  /// The last input set, once more, with experts that can be checked.
  void verify() {
    const int set = static_cast<int>(num_sets()) - 1;
    RankRecord& record = measurements_.record(static_cast<std::size_t>(rank_));
    say("comparing dispatch with the reference");
    const DispatchResult result = group_.dispatch(inputs_.back(), dispatch_options(0, true));
    DispatchResult host = place_.read(result);
    host.device_num_rows = {};  // no longer one of a GPU
    record.dispatch.rows = host.num_rows;
    keep(verify_dispatch(scenario_, set, rank_, host, progress()), record.dispatch);
    say("comparing combine with the reference");
    const Group::Allocation rows = allocate_like(result.x);
    std::vector<std::byte> outputs(std::max<std::size_t>(rows.view.num_bytes(), 1));
    TensorView host_rows = rows.view;
    host_rows.data = outputs.data();
    apply_experts(scenario_, rank_, host, host_rows);
    device_->upload(rows.view.data, outputs.data(), rows.view.num_bytes());
    const CombineOptions options{.execution = execution(0)};
    const CombineResult combined = group_.combine(result.handle, {.x = rows.view}, options);
    record.combine.rows = scenario_.tokens;
    keep(verify_combine(scenario_, set, rank_, place_.read(combined), progress()), record.combine);
  }

  const GpuPlan& plan_;
  const Scenario& scenario_;
  int rank_;
  Rendezvous& rendezvous_;
  GpuMeasurements& measurements_;
  std::unique_ptr<gpu::Device> device_;
  Place place_;
  Group group_;
  gpu::Marks marks_;
  gpu::Pause pause_;
  std::vector<DispatchInput> inputs_;  ///< one a set
  std::vector<Handle> handles_;        ///< one a set
  Group::Allocation rows_;
};

}  // namespace

void run_gpu_rank(const GpuPlan& plan, const World& world, Rendezvous& rendezvous, GpuMeasurements& measurements) {
  GpuRankBench(plan, world, rendezvous, measurements).run();
}

}  // namespace crossdock::tools::bench
