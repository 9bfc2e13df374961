#include "bench/flags.hpp"

#include "backend.hpp"
#include "crossdock/config.hpp"

namespace crossdock::tools::bench {
namespace {

constexpr int kMostTokens = 1 << 24;   // of a GroupConfig
constexpr int kMostHidden = 1 << 20;   // the same
constexpr int kMostExperts = 1 << 20;  // far beyond any model: tables have a word an expert
constexpr int kMostSms = 1024;
constexpr int kMostCalls = 1'000'000;
constexpr std::int64_t kDayMs = 86'400'000;

void add_run_flags(Flags flags, BenchOptions& options) {
  flags.word("--backend", options.backend, backend_words(), kBackendHelp);
  flags.integer("--iterations", options.iterations, {1, kMostCalls}, "timed calls; default: 10 on the CPU, 40 on GPUs");
  flags.integer("--warmup", options.warmup, {0, kMostCalls},
                "calls before them, after the first one; default: 2 on the CPU, 6 on GPUs");
  flags.integer("--seed", options.seed, "of inputs and routing");
  flags.flag("--threads", options.threads, "ranks are threads instead of processes");
  flags.integer("--deadline", options.deadline_ms, {1, kDayMs}, "milliseconds, of every wait of the library");
  flags.text("--json", options.json, "write the results to this file");
  flags.flag("--verify,!--no-verify", options.verify,
             "compare every byte of the last call with the reference (default)");
}

}  // namespace

void add_bench_flags(Flags flags, BenchOptions& options) {
  flags.integer("--nodes", options.nodes, {1, kMostRanks}, "nodes (all of them on this machine)");
  flags.integer("--ranks-per-node", options.ranks_per_node, {1, kMostRanks},
                "default: 4, or as many as a launcher (torchrun, mpirun, srun) has started");
  flags.integer("--tokens", options.tokens, {1, kMostTokens},
                "tokens a rank; default: those of FILE.npy, else 4096 (throughput), 128 (latency)");
  flags.flag("--fit-memory", options.fit_memory, "fewer tokens where the memory is short");
  flags.integer("--hidden", options.hidden, {1, kMostHidden}, "channels of a token");
  flags.integer("--topk", options.top_k, {1, kMaxTopK}, "experts a token; default: that of FILE.npy, else 8");
  flags.integer("--experts", options.experts, {1, kMostExperts}, "of all ranks together");
  flags.integer("--groups", options.groups, {1, kMostExperts}, "expert groups of the gate");
  flags.integer("--topk-groups", options.topk_groups, {1, kMostExperts}, "groups that a token may choose from");
  flags.word("--mode", options.mode, {"throughput", "latency", "both"}, "throughput, latency or both");
  flags.word("--dtype", options.dtype, {"fp8", "bf16", "fp16", "fp32"},
             "of dispatch: fp8 (quantised inside), bf16, fp16 or fp32");
  flags.word("--layout", options.layout, {"flat", "contiguous"}, "throughput mode: flat (default) or contiguous");
  flags.integers("--sms", options.sms, {1, kMostSms},
                 "GPUs: SMs of a call, one measurement each; default 8,16,24 (latency mode: the group's choice)");
  flags.flag("--ready", options.ready, "GPUs, fp8: x is fp8 with scales before dispatch");
  flags.text("--routing", options.routing,
             "uniform, zipf:A, khot:K, gate, or FILE.npy [ranks, tokens, top-k]; default: gate where there are "
             "groups, else uniform");
  add_run_flags(flags, options);
}

void add_demo_flags(Flags flags, BenchOptions& options) { add_run_flags(flags, options); }

}  // namespace crossdock::tools::bench
