// Results as JSON: one object a measurement.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace crossdock::micro {

class Record {
 public:
  Record& text(const std::string& name, const std::string& value);
  Record& number(const std::string& name, double value);
  std::string json() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// An array of them, one a line.
void write_json(const std::string& path, const std::vector<Record>& records);

/// GPU, driver and date of a run.
Record describe_machine();

double median(std::vector<double> values);

}  // namespace crossdock::micro
