// dpkg's status file: paragraphs apart by blank lines, fields "Name: value" at line starts.
#include "tools/kill_job/packages.h"

#include <fmt/format.h>

#include <fstream>
#include <set>
#include <string_view>
#include <utility>

namespace holdfast::kill_job {
namespace {

// The rest of the line that begins with `name` and ": "; empty when there is none.
std::string field(std::string_view paragraph, std::string_view name) {
  std::size_t at = 0;
  while (at < paragraph.size()) {
    const std::size_t end = std::min(paragraph.find('\n', at), paragraph.size());
    const std::string_view line = paragraph.substr(at, end - at);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) {
      return std::string(line.substr(name.size() + 2));
    }
    at = end + 1;
  }
  return "";
}

void add(std::vector<Package>& packages, std::set<std::string>& names, std::string paragraph) {
  std::string name = field(paragraph, "Package");
  if (name.empty()) return;
  if (!names.insert(name).second) {
    name += ":" + field(paragraph, "Architecture");
    if (!names.insert(name).second) return;
  }
  std::string maintainer = field(paragraph, "Maintainer");
  if (maintainer.empty()) maintainer = "nobody";
  packages.push_back({std::move(name), std::move(maintainer), std::move(paragraph)});
}

}  // namespace

std::vector<Package> read_packages(const std::string& path) {
  std::vector<Package> packages;
  std::set<std::string> names;
  std::ifstream file(path);
  std::string paragraph;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) {
      paragraph += line + "\n";
      continue;
    }
    add(packages, names, std::exchange(paragraph, ""));
  }
  add(packages, names, std::move(paragraph));
  return packages;
}

std::vector<Package> sample_packages() {
  std::vector<Package> packages;
  for (int i = 0; i < 400; ++i) {
    const std::string name = fmt::format("sample-{:03}", i);
    const std::string maintainer = fmt::format("Team {} <team{}@example.org>", i % 23, i % 23);
    std::string paragraph = fmt::format(
        "Package: {}\nMaintainer: {}\nVersion: 1.{}\nDescription:", name, maintainer, i);
    for (int word = 0; word < 50 + i % 100; ++word) paragraph += fmt::format(" word{}", word * i);
    packages.push_back({name, maintainer, paragraph + "\n"});
  }
  return packages;
}

}  // namespace holdfast::kill_job
