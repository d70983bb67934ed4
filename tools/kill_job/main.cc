// run_main_job --directory DIR [--dbcheck PROGRAM] [--packages FILE] [--kills N] [--in-flight N]
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "tools/kill_job/job.h"

namespace holdfast::kill_job {
namespace {

// False when the text is no whole number.
bool read_number(std::string_view text, std::uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

// False when the command line makes no sense.
bool read_plan(int argc, char** argv, Plan& plan) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--directory") {
      plan.directory = value;
    } else if (name == "--dbcheck") {
      plan.dbcheck = value;
    } else if (name == "--packages") {
      plan.packages = value;
    } else if (name == "--kills") {
      if (!read_number(value, plan.kills)) return false;
    } else if (name == "--in-flight") {
      if (!read_number(value, plan.in_flight)) return false;
    } else {
      return false;
    }
  }
  plan.kills_max = plan.kills * 3;
  return argc % 2 == 1 && !plan.directory.empty() && plan.kills != 0;
}

}  // namespace
}  // namespace holdfast::kill_job

int main(int argc, char** argv) {
  using namespace holdfast::kill_job;
  Plan plan;
  if (!read_plan(argc, argv, plan)) {
    fmt::print(stderr,
               "usage: run_main_job --directory DIR [--dbcheck PROGRAM] [--packages FILE] "
               "[--kills N] [--in-flight N]\n");
    return 2;
  }
  std::vector<Package> packages = read_packages(plan.packages);
  if (packages.empty()) {
    packages = sample_packages();
    fmt::print(
        "There is no package database {}: a made-up sample of {} packages takes its place.\n",
        plan.packages, packages.size());
  } else {
    fmt::print("{} packages from {}.\n", packages.size(), plan.packages);
  }
  fmt::print("Writing them, revision after revision, from a process that is killed {} times.\n",
             plan.kills);
  std::fflush(stdout);
  Job job(std::move(plan), History(std::move(packages)));
  return job.run() ? 0 : 1;
}
