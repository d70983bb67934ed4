#include "fuzz/lab/sim_names.h"

#include <algorithm>

namespace holdfast {
namespace {

std::optional<std::uint32_t> look_up(const std::vector<NameEntry>& entries, std::string_view path) {
  for (const NameEntry& entry : entries) {
    if (entry.path == path) return entry.inode;
  }
  return std::nullopt;
}

void set(std::vector<NameEntry>& entries, std::string_view path, std::uint32_t inode) {
  for (NameEntry& entry : entries) {
    if (entry.path == path) {
      entry.inode = inode;
      return;
    }
  }
  entries.push_back({std::string(path), inode});
}

// Only where the name still means that file: an op before this one may have been lost.
void erase(std::vector<NameEntry>& entries, std::string_view path, std::uint32_t inode) {
  std::erase_if(entries,
                [&](const NameEntry& entry) { return entry.inode == inode && entry.path == path; });
}

void apply(std::vector<NameEntry>& entries, const NameOp& op, bool torn) {
  switch (op.kind) {
    case NameOp::Kind::kCreate:
      return set(entries, op.path, op.inode);
    case NameOp::Kind::kRemove:
      return erase(entries, op.path, op.inode);
    case NameOp::Kind::kRename:
      if (!torn) erase(entries, op.path, op.inode);
      return set(entries, op.to, op.inode);
  }
}

std::string_view directory_part(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::string_view SimNames::key_of(std::string_view path) {
  while (path.starts_with("./")) path.remove_prefix(2);
  return path;
}

std::optional<std::uint32_t> SimNames::find(std::string_view path) const {
  return look_up(seen_, key_of(path));
}

std::optional<std::uint32_t> SimNames::find_durable(std::string_view path) const {
  return look_up(durable_, key_of(path));
}

bool SimNames::mentions(std::uint32_t inode) const {
  const auto names_it = [inode](const auto& each) { return each.inode == inode; };
  return std::any_of(seen_.begin(), seen_.end(), names_it) ||
         std::any_of(durable_.begin(), durable_.end(), names_it) ||
         std::any_of(ops_.begin(), ops_.end(), names_it);
}

void SimNames::create(std::uint64_t call, std::string_view path, std::uint32_t inode) {
  ops_.push_back({NameOp::Kind::kCreate, false, call, inode, std::string(key_of(path)), {}});
  apply(seen_, ops_.back(), false);
}

void SimNames::remove(std::uint64_t call, std::string_view path, std::uint32_t inode) {
  ops_.push_back({NameOp::Kind::kRemove, false, call, inode, std::string(key_of(path)), {}});
  apply(seen_, ops_.back(), false);
}

void SimNames::rename(std::uint64_t call, std::string_view from, std::string_view to,
                      std::uint32_t inode, bool replaces) {
  ops_.push_back({NameOp::Kind::kRename, replaces, call, inode, std::string(key_of(from)),
                  std::string(key_of(to))});
  apply(seen_, ops_.back(), false);
}

void SimNames::place(std::string_view path, std::uint32_t inode) {
  set(seen_, key_of(path), inode);
  set(durable_, key_of(path), inode);
}

void SimNames::drop(std::string_view path) {
  path = key_of(path);
  std::erase_if(seen_, [&](const NameEntry& entry) { return entry.path == path; });
  std::erase_if(durable_, [&](const NameEntry& entry) { return entry.path == path; });
  std::erase_if(ops_, [&](const NameOp& op) { return op.path == path || op.to == path; });
}

void SimNames::sync(std::string_view directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  directory = key_of(directory);
  std::erase_if(ops_, [&](const NameOp& op) {
    const std::string_view path = op.kind == NameOp::Kind::kRename ? op.to : op.path;
    if (directory_part(path) != directory) return false;
    apply(durable_, op, false);
    return true;
  });
}

void SimNames::list_units(std::vector<CrashUnit>& units) const {
  for (std::uint32_t i = 0; i < ops_.size(); ++i) {
    CrashUnit unit;
    unit.kind = CrashUnit::Kind::kName;
    unit.extends = ops_[i].kind == NameOp::Kind::kRename && !ops_[i].replaces;
    unit.inode = ops_[i].inode;
    unit.op = i;
    unit.call = ops_[i].call;
    units.push_back(unit);
  }
}

void SimNames::crash(const Fate* fates) {
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    if (fates[i] != Fate::kLost) apply(durable_, ops_[i], fates[i] == Fate::kTorn);
  }
  ops_.clear();
  seen_ = durable_;
}

void SimNames::reset() {
  seen_.clear();
  durable_.clear();
  ops_.clear();
}

}  // namespace holdfast
