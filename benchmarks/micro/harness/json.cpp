#include "harness/json.hpp"

#include <cuda_runtime_api.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "crossdock/error.hpp"
#include "kernels/launch.hpp"

namespace crossdock::micro {

Record& Record::text(const std::string& name, const std::string& value) {
  fields_.emplace_back(name, fmt::format("\"{}\"", value));
  return *this;
}

Record& Record::number(const std::string& name, double value) {
  fields_.emplace_back(name, fmt::format("{:.6g}", value));
  return *this;
}

std::string Record::json() const {
  std::string result = "{";
  for (const auto& [name, value] : fields_) {
    result += fmt::format("{}\"{}\": {}", result.size() > 1 ? ", " : "", name, value);
  }
  return result + "}";
}

void write_json(const std::string& path, const std::vector<Record>& records) {
  std::ofstream file(path);
  file << "[\n";
  for (std::size_t i = 0; i < records.size(); ++i) file << records[i].json() << (i + 1 < records.size() ? ",\n" : "\n");
  file << "]\n";
  if (!file.flush()) throw Error(ErrorCode::kSystem, fmt::format("write: {}", path));
}

Record describe_machine() {
  cudaDeviceProp properties{};
  int count = 0;
  int driver = 0;
  kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  kernels::check_cuda(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  kernels::check_cuda(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  Record record;
  record.text("what", "machine")
      .text("gpu", properties.name)
      .text("date", fmt::format("{:%F}", fmt::gmtime(std::time(nullptr))));
  record.number("gpus", count).number("sms", properties.multiProcessorCount).number("cuda_driver", driver);
  return record;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace crossdock::micro
