#include "fuzz/lab/harm.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "engine/file/meta_format.h"
#include "fuzz/lab/history.h"
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
  const std::vector<NeededRange> needed = needed_ranges(disk, path);
  if (needed.empty()) return Harm::kNone;
  // What is kept twice is a small part of all, and has a way of its own to be read.
  std::vector<NeededRange> twice;
  if (choices.chance(1, 3)) {
    std::ranges::copy_if(needed, std::back_inserter(twice), &NeededRange::kept_twice);
  }
  const std::vector<NeededRange>& among = twice.empty() ? needed : twice;
  const NeededRange& aim = among[choices.below(among.size())];
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

// Any bytes, as many as one block has. More could take what vouches for a group with the group.
void overwrite(SimDisk& disk, const std::string& path, std::uint64_t offset, Choices& choices,
               std::string& story) {
  const std::uint64_t most = kSimBlock - offset % kSimBlock;
  std::vector<std::byte> bytes(1 + choices.below(most));
  Rng rng(choices.seed());
  rng.fill(bytes);
  if (choices.chance(1, 3)) std::fill(bytes.begin(), bytes.end(), bytes.front());
  disk.patch(path, offset, bytes);
  story = std::to_string(bytes.size()) + " bytes of " + path + " from " + std::to_string(offset) +
          " on are overwritten";
}

void cannot_read(SimDisk& disk, const std::string& path, std::uint64_t from, Choices& choices,
                 std::string& story) {
  const std::uint64_t sectors = (disk.durable_bytes(path).size() - from) / 512;
  const std::uint64_t offset = from + 512 * choices.below(sectors);
  disk.make_unreadable(path, offset, 512);
  story = "the sector at " + std::to_string(offset) + " of " + path + " can't be read";
}

// The log of another database, of the same kind and with a like history.
void put_a_strangers(SimDisk& disk, const std::string& log, Choices& choices, std::string& story) {
  static const History stranger(4711);
  std::vector<const History::File*> logs;
  for (const History::Age& age : stranger.ages) {
    for (const History::File& file : age.files)
      if (is_log(file.path)) logs.push_back(&file);
  }
  disk.set_file(log, logs[choices.below(logs.size())]->bytes);
  story = log + " is another database's";
}

Harm put_an_older(SimDisk& disk, const Files& older, Choices& choices, std::string& story) {
  if (older.empty()) return Harm::kNone;
  const KeptFile& file = older[choices.below(older.size())];
  const auto now = disk.durable_bytes(file.path);
  if (std::ranges::equal(now, file.bytes)) return Harm::kNone;
  disk.set_file(file.path, file.bytes);
  story = file.path + " is as it was before";
  return Harm::kLies;
}

enum class Way : std::uint8_t {
  kRotTree,
  kRotLog,
  kLosePair,
  kPairUnreadable,
  kDropLog,
  kDropTree,
  kEmptyLog,
  kEmptyTree,
  kStrangersLog,
  kOlderFile,
  kSectorOfTree,
  kSectorOfLog,
  kBytesOfTree,
  kBytesOfLog,
  kCount,
};

Harm do_to_tree(Way way, SimDisk& disk, const std::string& path, Choices& choices,
                std::string& story, FaultClasses& classes) {
  const std::uint64_t bytes = disk.durable_bytes(path).size();
  switch (way) {
    case Way::kDropTree:
      disk.drop_file(path);
      story = path + " goes missing";
      classes.met(FaultClass::kWrongFile);
      return Harm::kFile;
    case Way::kEmptyTree:
      disk.set_file(path, {});
      story = path + " is emptied";
      classes.met(FaultClass::kWrongFile);
      return Harm::kFile;
    case Way::kSectorOfTree:
      // A lone meta that can't be read is written anew, and the rule sees what lay there.
      if (bytes < kHeaderRegionBytes + 512) return Harm::kNone;
      cannot_read(disk, path, kHeaderRegionBytes, choices, story);
      return Harm::kTree;  // The disk notes the class, when it is read.
    case Way::kBytesOfTree:
      if (bytes == 0) return Harm::kNone;
      overwrite(disk, path, choices.below(bytes), choices, story);
      classes.met(FaultClass::kHostileBytes);
      return Harm::kTree;
    case Way::kPairUnreadable:
      return pair_unreadable(disk, path, choices, story);
    default:
      classes.met(FaultClass::kRotInTree);
      return rot_in_the_tree(disk, path, choices, story);
  }
}

Harm do_to_log(Way way, SimDisk& disk, const std::string& log, Choices& choices, std::string& story,
               FaultClasses& classes) {
  const std::uint64_t bytes = disk.durable_bytes(log).size();
  switch (way) {
    case Way::kDropLog:
      disk.drop_file(log);
      story = log + " goes missing";
      classes.met(FaultClass::kWrongFile);
      return Harm::kTree;
    case Way::kEmptyLog:
      disk.set_file(log, {});
      story = log + " is emptied";
      classes.met(FaultClass::kWrongFile);
      return Harm::kFile;
    case Way::kStrangersLog:
      put_a_strangers(disk, log, choices, story);
      classes.met(FaultClass::kWrongFile);
      return Harm::kFile;
    case Way::kSectorOfLog:
      if (bytes < 512) return Harm::kNone;
      cannot_read(disk, log, 0, choices, story);
      return Harm::kTree;
    case Way::kBytesOfLog:
      if (bytes == 0) return Harm::kNone;
      overwrite(disk, log, choices.below(bytes), choices, story);
      classes.met(FaultClass::kHostileBytes);
      return Harm::kLog;
    default:
      classes.met(FaultClass::kRotInLog);
      return rot_in_the_log(disk, log, choices, story);
  }
}

}  // namespace

Files files_of(const SimDisk& disk) {
  Files files;
  for (const std::string& path : disk.paths()) {
    const auto bytes = disk.durable_bytes(path);
    files.push_back({path, {bytes.begin(), bytes.end()}});
  }
  return files;
}

Harm do_harm(SimDisk& disk, const std::string& path, bool at_rest, const Files& older,
             const Swarm& swarm, Choices& choices, std::string& story, FaultClasses& classes) {
  const auto way =
      static_cast<Way>(swarm.draw_harm(choices, static_cast<std::uint64_t>(Way::kCount)));
  const std::vector<std::string> logs = log_files(disk, path);
  switch (way) {
    case Way::kLosePair:
      if (!at_rest || !logs.empty())
        return do_to_tree(Way::kRotTree, disk, path, choices, story, classes);
      classes.met(FaultClass::kHostileBytes);
      return lose_a_pair(disk, path, choices, story);
    case Way::kOlderFile: {
      const Harm harm = put_an_older(disk, older, choices, story);
      if (harm != Harm::kNone) classes.met(FaultClass::kWrongFile);
      return harm;
    }
    case Way::kRotLog:
    case Way::kDropLog:
    case Way::kEmptyLog:
    case Way::kStrangersLog:
    case Way::kSectorOfLog:
    case Way::kBytesOfLog:
      if (logs.empty()) return Harm::kNone;
      // The newest one's loss is the hardest to notice.
      return do_to_log(way, disk,
                       choices.chance(1, 2) ? logs.back() : logs[choices.below(logs.size())],
                       choices, story, classes);
    default:
      return do_to_tree(way, disk, path, choices, story, classes);
  }
}

}  // namespace holdfast
