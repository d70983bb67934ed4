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
  fmt::print("  commits acknowledged  {}, {} revisions\n", acknowledged_,
             transaction_ == 0 ? 0 : history_.revision(transaction_));
  fmt::print("  kills                 {}\n", kills_);
  fmt::print(
      "  in flight             {} (commits cut off {}, found but not yet answered {}, checkpoints "
      "unfinished {})\n",
      in_flight_, commits_cut_, commits_unanswered_, checkpoints_unfinished_);
  fmt::print("  lost                  {}\n", lost_);
  fmt::print("  faults                {}\n", faults_);
  fmt::print("  records compared      {}\n", records_);
  fmt::print("  speed                 {:.0f} commits/s\n",
             static_cast<double>(acknowledged_) / std::max(writing_seconds_, 0.001));
  fmt::print("  slowest opening       {:.3f} s\n", open_seconds_max_);
  fmt::print("  size at rest          {} KiB; log at most {} KiB\n", error ? 0 : bytes >> 10,
             log_bytes_max_ >> 10);
  fmt::print("  dbcheck               {}\n", checked ? "sound" : "NOT SOUND");
  const bool enough = kills_ >= plan_.kills && in_flight_ >= plan_.in_flight;
  if (!enough) fmt::print("  Too few kills, or too few in flight.\n");
  return lost_ == 0 && faults_ == 0 && checked && enough;
}

}  // namespace holdfast::kill_job
