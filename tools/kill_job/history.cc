// Every key is written at least once a revision (the copies apart), so a state follows from the
// transactions of two revisions, however many came before.
#include "tools/kill_job/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace holdfast::kill_job {
namespace {

// Whether a revision leaves this package out: any fixed, scattered choice will do.
bool left_out(std::uint64_t revision, std::uint64_t package) noexcept {
  std::uint64_t x = revision * 0x9e3779b97f4a7c15ULL + package * 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 31;
  x *= 0x94d049bb133111ebULL;
  x ^= x >> 29;
  return revision > 1 && x % 16 == 0;
}

void replay(const std::vector<Change>& changes, State& state) {
  for (const Change& change : changes) {
    TreeState& tree = state[static_cast<int>(change.where)];
    if (change.value) {
      tree[change.key] = *change.value;
    } else {
      tree.erase(change.key);
    }
  }
}

}  // namespace

History::History(std::vector<Package> packages) : packages_(std::move(packages)) {
  for (std::uint64_t i = 0; i < packages_.size(); ++i) {
    owned_[packages_[i].maintainer].push_back(i);
    whole_ += packages_[i].paragraph + "\n";
  }
}

std::uint64_t History::slices() const noexcept {
  return (packages_.size() + kSlicePackages - 1) / kSlicePackages;
}

std::uint64_t History::revision(std::uint64_t n) const noexcept {
  return (n - 1) / slices() + 1;
}

bool History::present(std::uint64_t package, std::uint64_t n) const noexcept {
  const std::uint64_t slice = (n - 1) % slices();
  const bool had_its_turn = package / kSlicePackages <= slice;
  const std::uint64_t last = had_its_turn ? revision(n) : revision(n) - 1;
  return last != 0 && !left_out(last, package);
}

std::string History::maintainer_value(const std::vector<std::uint64_t>& owned,
                                      std::uint64_t n) const {
  std::string list;
  for (const std::uint64_t package : owned) {
    if (present(package, n)) list += packages_[package].name + "\n";
  }
  return list.empty() ? list : fmt::format("Revision: {}\n", revision(n)) + list;
}

void History::add_copies(std::uint64_t n, std::vector<Change>& changes) const {
  const std::uint64_t copies = kLargeBytes / std::max<std::uint64_t>(whole_.size(), 1) + 1;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(copies, 100); ++i) {
    changes.push_back({Where::kCopies, fmt::format("copy {:02}", i),
                       fmt::format("Transaction: {}\n", n) + whole_});
  }
}

std::vector<Change> History::changes(std::uint64_t n) const {
  std::vector<Change> changes;
  std::set<std::string> maintainers;
  const std::uint64_t begin = (n - 1) % slices() * kSlicePackages;
  const std::uint64_t end = std::min<std::uint64_t>(begin + kSlicePackages, packages_.size());
  for (std::uint64_t i = begin; i < end; ++i) {
    maintainers.insert(packages_[i].maintainer);
    Change change{Where::kPackages, packages_[i].name, std::nullopt};
    if (present(i, n)) {
      change.value = fmt::format("Revision: {}\n", revision(n)) + packages_[i].paragraph;
    }
    changes.push_back(std::move(change));
  }
  for (const std::string& maintainer : maintainers) {
    std::string value = maintainer_value(owned_.at(maintainer), n);
    Change change{Where::kMaintainers, maintainer, std::nullopt};
    if (!value.empty()) change.value = std::move(value);
    changes.push_back(std::move(change));
  }
  if (n % kLargeEvery == 0) add_copies(n, changes);
  changes.push_back({Where::kJob, kCounterKey, fmt::format("{}", n)});
  return changes;
}

void History::state_after(std::uint64_t n, State& state) const {
  for (TreeState& tree : state) tree.clear();
  if (n == 0) return;
  if (const std::uint64_t large = n - n % kLargeEvery; large != 0) {
    std::vector<Change> copies;
    add_copies(large, copies);
    replay(copies, state);
  }
  const std::uint64_t revisions_before = revision(n) < 2 ? 0 : revision(n) - 2;
  for (std::uint64_t i = revisions_before * slices() + 1; i <= n; ++i) {
    std::vector<Change> all = changes(i);
    std::erase_if(all, [](const Change& change) { return change.where == Where::kCopies; });
    replay(all, state);
  }
}

}  // namespace holdfast::kill_job
