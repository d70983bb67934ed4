#include "fuzz/lab/harm.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"

namespace holdfast {
namespace {

std::vector<std::string> log_files(const SimDisk& disk, const std::string& path) {
  std::vector<std::string> found;
  for (std::string& each : disk.paths()) {
    if (each.starts_with(path + ".log-") && !each.starts_with(path + ".log-tmp-"))
      found.push_back(std::move(each));
  }
  return found;
}

void flip(SimDisk& disk, const std::string& path, std::uint64_t offset, Choices& choices,
          std::string& story) {
  disk.flip_bit(path, offset * 8 + choices.below(8));
  story = "a bit rots in " + path + " at " + std::to_string(offset);
}

Harm rot_in_the_tree(SimDisk& disk, const std::string& path, Choices& choices, std::string& story) {
  const auto file = disk.durable_bytes(path);
  const std::vector<NeededRange> needed = needed_ranges(file);
  if (needed.empty()) return Harm::kNone;
  const NeededRange& aim = needed[choices.below(needed.size())];
  const std::uint64_t offset =
      choices.chance(7, 8) ? aim.offset + choices.below(aim.length) : choices.below(file.size());
  Harm harm = Harm::kScar;
  for (const NeededRange& range : needed) {
    const bool hit = range.offset <= offset && offset < range.offset + range.length;
    if (hit && !range.kept_twice) harm = Harm::kTree;
  }
  flip(disk, path, offset, choices, story);
  return harm;
}

Harm rot_in_the_log(SimDisk& disk, const std::string& path, Choices& choices, std::string& story) {
  const auto bytes = disk.durable_bytes(path);
  std::size_t end = bytes.size();
  while (end != 0 && bytes[end - 1] == std::byte{0}) --end;
  if (end == 0) return Harm::kNone;
  flip(disk, path, choices.below(end), choices, story);
  return Harm::kLog;
}

// A clean close leaves the same state in both pairs.
Harm lose_a_pair(SimDisk& disk, const std::string& path, Choices& choices, std::string& story) {
  const auto pair = static_cast<unsigned>(choices.below(2));
  std::array<std::byte, kMetaBytes> junk;
  junk.fill(std::byte{0xa5});
  for (const unsigned copy : {pair, pair + 2}) disk.patch(path, meta_offset(copy), junk);
  story = "metas " + std::to_string(pair) + " and " + std::to_string(pair + 2) + " are lost";
  return Harm::kScar;
}

// For good. Which generation is the newest can't be told then: opening must refuse.
Harm pair_unreadable(SimDisk& disk, const std::string& path, Choices& choices, std::string& story) {
  const auto pair = static_cast<unsigned>(choices.below(2));
  for (const unsigned copy : {pair, pair + 2})
    disk.make_unreadable(path, meta_offset(copy), kMetaBytes);
  story = "metas " + std::to_string(pair) + " and " + std::to_string(pair + 2) + " can't be read";
  return Harm::kTree;
}

}  // namespace

Harm do_harm(SimDisk& disk, const std::string& path, bool at_rest, Choices& choices,
             std::string& story) {
  const std::uint64_t what = choices.below(5);
  if (what == 4) return pair_unreadable(disk, path, choices, story);
  const std::vector<std::string> logs = log_files(disk, path);
  if (at_rest && logs.empty() && what < 2) return lose_a_pair(disk, path, choices, story);
  if (logs.empty() || what == 0) return rot_in_the_tree(disk, path, choices, story);
  const std::string& log = logs[choices.below(logs.size())];
  if (what != 1) return rot_in_the_log(disk, log, choices, story);
  disk.drop_file(log);
  story = log + " goes missing";
  return Harm::kTree;
}

}  // namespace holdfast
