#include "fuzz/lab/sim_rule.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/zeros.h"
#include "fuzz/lab/sim_names.h"

namespace holdfast {

void SimRule::watch(std::string_view path, NeededRanges needed) {
  Watch added;
  added.path = SimNames::key_of(path);
  added.needed = std::move(needed);
  std::erase_if(watches_, [&](const Watch& each) { return each.path == added.path; });
  watches_.push_back(std::move(added));
}

std::int32_t SimRule::watch_of(std::string_view path) const {
  for (std::size_t i = 0; i < watches_.size(); ++i) {
    if (watches_[i].path == SimNames::key_of(path)) return static_cast<std::int32_t>(i);
  }
  return -1;
}

void SimRule::seal(SimInode& inode) {
  for (const SimOp& op : inode.ops) {
    if (op.kind != SimOp::Kind::kWrite || op.in_flight || op.zero || op.length == 0) continue;
    const std::span<const std::byte> bytes = inode.bytes_of(op);
    const std::uint64_t end = op.offset + op.length;
    const std::uint64_t last = (end - 1) / kSimBlock;
    if (last >= inode.sealed.size()) inode.sealed.resize(last + 1);
    for (std::uint64_t block = op.offset / kSimBlock; block <= last; ++block) {
      if (inode.sealed[block] != 0) continue;
      const std::uint64_t from = std::max(op.offset, block * kSimBlock);
      const std::uint64_t to = std::min(end, (block + 1) * kSimBlock);
      if (!all_zero(bytes.subspan(from - op.offset, to - from))) inode.sealed[block] = 1;
    }
  }
}

bool SimRule::is_there(const SimInode& inode, std::uint64_t offset,
                       std::span<const std::byte> bytes) {
  return !bytes.empty() && offset + bytes.size() <= inode.medium.size() &&
         std::memcmp(inode.medium.data() + offset, bytes.data(), bytes.size()) == 0;
}

void SimRule::check_log(const SimInode& inode, const std::string& path, const char* verb,
                        std::uint64_t call, std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;
  const std::uint64_t end =
      std::min<std::uint64_t>((offset + length - 1) / kSimBlock + 1, inode.sealed.size());
  for (std::uint64_t block = offset / kSimBlock; block < end; ++block) {
    if (inode.sealed[block] == 0) continue;
    breach(path, verb, call, offset, length,
           {block * kSimBlock, kSimBlock, "log block that a submitted sync covers"});
    return;
  }
}

void SimRule::check_watch(const SimInode& inode, const std::string& path, const char* verb,
                          std::uint64_t call, std::uint64_t offset, std::uint64_t length) {
  Watch& watch = watches_[static_cast<std::size_t>(inode.watch)];
  if (watch.stale) {
    watch.ranges = watch.needed(watch.path, inode.medium);
    watch.stale = false;
  }
  for (const NeededRange& range : watch.ranges) {
    if (range.offset < offset + length && offset < range.offset + range.length) {
      breach(path, verb, call, offset, length, range);
      return;
    }
  }
}

void SimRule::breach(const std::string& path, const char* verb, std::uint64_t call,
                     std::uint64_t offset, std::uint64_t length, const NeededRange& needed) {
  if (violation_) return;
  const auto range = [](std::uint64_t from, std::uint64_t count) {
    return std::to_string(from) + " to " + std::to_string(from + count);
  };
  violation_ = "call " + std::to_string(call) + " would " + verb + " " + path + " " +
               range(offset, length) + ", which a durable state still needs: " + needed.reason +
               " at " + range(needed.offset, needed.length);
}

}  // namespace holdfast
