// The end of the job: dbcheck, a few queries, and the summary.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "holdfast/holdfast.h"
#include "tools/kill_job/job.h"

namespace holdfast::kill_job {
namespace {

// The line of a paragraph that begins so.
std::string line_of(const std::string& paragraph, const std::string& name) {
  const std::size_t at = paragraph.find("\n" + name);
  if (at == std::string::npos) return "";
  return paragraph.substr(at + 1, paragraph.find('\n', at + 1) - at - 1);
}

Result<void> print_answers(Database& database, const std::string& package) {
  auto reader = database.begin_read();
  if (!reader) return std::unexpected(reader.error());
  auto trees = reader->trees();
  if (!trees) return std::unexpected(trees.error());
  for (const TreeInfo& info : *trees) {
    fmt::print("  tree {:<12} {} records\n", info.name.empty() ? "(default)" : info.name,
               info.records);
  }
  auto paragraph = reader->get(package);
  if (!paragraph) return std::unexpected(paragraph.error());
  fmt::print("  package {}: {}\n", package,
             *paragraph ? line_of(**paragraph, "Version") : "left out of this revision");

  auto cursor = reader->cursor();
  if (!cursor) return std::unexpected(cursor.error());
  std::string found;
  auto on = cursor->seek("lib");
  for (int i = 0; i < 5 && on && *on; ++i, on = cursor->next())
    found += " " + std::string(cursor->key());
  if (!on) return std::unexpected(on.error());
  fmt::print("  the first five packages from \"lib\" on:{}\n", found);

  auto maintainers = reader->open_tree(kTreeNames[static_cast<int>(Where::kMaintainers)]);
  if (!maintainers) return std::unexpected(maintainers.error());
  auto walk = reader->cursor(*maintainers);
  if (!walk) return std::unexpected(walk.error());
  std::string busiest;
  std::ptrdiff_t most = 0;
  for (on = walk->first(); on && *on; on = walk->next()) {
    auto list = walk->value();
    if (!list) return std::unexpected(list.error());
    const auto packages = std::count(list->begin(), list->end(), '\n') - 1;
    if (packages > most) {
      most = packages;
      busiest = walk->key();
    }
  }
  if (!on) return std::unexpected(on.error());
  fmt::print("  the busiest maintainer: {}, {} packages\n", busiest, most);
  return {};
}

}  // namespace

bool Job::run_dbcheck() const {
  if (plan_.dbcheck.empty()) return true;
  fmt::print("\n$ dbcheck {}\n", database_);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execl(plan_.dbcheck.c_str(), "dbcheck", database_.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void Job::print_queries() const {
  fmt::print("\nA few queries:\n");
  Options options;
  options.mode = OpenMode::kReadOnly;
  auto database = Database::open(database_, options);
  if (!database) {
    fmt::print("  {}\n", database.error().to_string());
    return;
  }
  const auto& packages = history_.packages();
  const bool has_bash = std::any_of(packages.begin(), packages.end(),
                                    [](const Package& package) { return package.name == "bash"; });
  auto done = print_answers(*database, has_bash ? "bash" : packages.front().name);
  if (!done) fmt::print("  {}\n", done.error().to_string());
}

bool Job::print_summary(bool checked) const {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(database_, error);
  fmt::print("\nSummary\n");
  fmt::print("  commits acknowledged  {}, {} revisions\n", tally_.acknowledged,
             tally_.transaction == 0 ? 0 : history_.revision(tally_.transaction));
  fmt::print("  kills                 {}\n", kills_);
  fmt::print(
      "  in flight             {} (commits cut off {}, found but not yet answered {}, checkpoints "
      "unfinished {})\n",
      tally_.in_flight, tally_.commits_cut, tally_.commits_unanswered,
      tally_.checkpoints_unfinished);
  fmt::print("  lost                  {}\n", tally_.lost);
  fmt::print("  faults                {}\n", tally_.faults);
  fmt::print("  records compared      {}\n", tally_.records);
  fmt::print("  speed                 {:.0f} commits/s\n", tally_.commits_per_second());
  fmt::print("  slowest opening       {:.3f} s\n", tally_.open_seconds_max);
  fmt::print("  size at rest          {} KiB; log at most {} KiB\n", error ? 0 : bytes >> 10,
             tally_.log_bytes_max >> 10);
  fmt::print("  dbcheck               {}\n", checked ? "sound" : "NOT SOUND");
  const bool enough = kills_ >= plan_.kills && tally_.in_flight >= plan_.in_flight;
  if (!enough) fmt::print("  Too few kills, or too few in flight.\n");
  return tally_.lost == 0 && tally_.faults == 0 && checked && enough;
}

}  // namespace holdfast::kill_job
