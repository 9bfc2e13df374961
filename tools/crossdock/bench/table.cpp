#include <fmt/format.h>

#include "bench/report.hpp"

namespace crossdock::tools::bench {
namespace {

/// 1234567 -> "1,234,567".
std::string grouped(std::uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string verified_line(const OperationReport& operation, std::size_t calls) {
  const std::string line =
      fmt::format("verified {}, the last of {} calls only: {} bytes, {} differences", operation.operation, calls,
                  grouped(operation.verified_bytes), grouped(operation.differences));
  return operation.differences == 0 ? line : fmt::format("{}; first: {}", line, operation.first_difference);
}

}  // namespace

std::string describe_run(const BenchOptions& options, const ModeReport& report) {
  const std::string groups =
      options.groups > 1 ? fmt::format(" in {} groups, {} chosen", options.groups, options.topk_groups) : "";
  return fmt::format(
      "{} mode, {}, {} tree: {} node{} x {} ranks ({}), {} tokens a rank x {} channels, top-{} of {} experts{}, "
      "routing {}\n"
      "copy limit: {:.2f} GB/s copied ({} copies at once of {:.1f} MiB each)\n",
      report.mode, report.layout, report.tree, options.nodes, options.nodes == 1 ? "" : "s", options.ranks_per_node,
      options.threads ? "threads" : "processes", report.tokens, options.hidden, report.top_k, options.experts, groups,
      report.routing, report.copy_limit_gbps, options.num_ranks(), static_cast<double>(report.copy_bytes) / (1 << 20));
}

std::string format_table(const ModeReport& report) {
  std::string text =
      fmt::format("{:<10} {:<9} {:>9} {:>10} {:>10} {:>10} {:>10} {:>13} {:>12} {:>8}\n", "operation", "dtype", "rows",
                  "first us", "min us", "median us", "95 % us", "logical GB/s", "remote GB/s", "of limit");
  for (const OperationReport& operation : report.operations) {
    text += fmt::format("{:<10} {:<9} {:>9} {:>10.0f} {:>10.0f} {:>10.0f} {:>10.0f} {:>13.2f} {:>12.2f} {:>7.0f}%\n",
                        operation.operation, operation.dtype, operation.rows, operation.first_us, operation.us.least,
                        operation.us.median, operation.us.p95, operation.logical_gbps, operation.remote_gbps,
                        operation.limit_share * 100);
  }
  text += "times: end to end, the longest of the ranks; GB/s: all ranks together; logical: a row a (token, rank)\n";
  text +=
      "of limit: inputs read once and outputs written once, over what copies of as many bytes read and write; reading\n"
      "          alone is faster than copying, so combine may pass 100%, and so does all that other programs left "
      "alone\n"
      "          while they slowed the copies down\n";
  text += report.num_nodes > 1 ? "remote: a row a (token, other node)\n" : "remote: rows to other ranks\n";
  if (!report.verified) return text + "not verified\n";
  for (const OperationReport& operation : report.operations) text += verified_line(operation, report.calls) + "\n";
  return text;
}

}  // namespace crossdock::tools::bench
