// Watches over the rule "a block that any durable state still needs is never written again".
//
// Two parts. Files that the harness registers: after a sync, it says which ranges of the durable
// bytes are needed. Files with ".log" in their name, always: once a sync covering a block of 4 KiB
// that holds anything but zeros was submitted, the block is never written again (the file may be
// removed). The first breach is kept, as text; it names the write and what it hurt.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/lab/sim_inode.h"

namespace holdfast {

struct NeededRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string reason;       // "meta, generation 7", "slot 12 of the durable map".
  bool kept_twice = false;  // Losing it alone loses nothing.
};

// Called just before a write to the file if anything was synced since the last time. May look at
// the disk with SimDisk's inspection functions, not use it as a Storage.
using NeededRanges = std::function<std::vector<NeededRange>(
    const std::string& path, std::span<const std::byte> durable_bytes)>;

class SimRule {
 public:
  void watch(std::string_view path, NeededRanges needed);
  void clear_watches() { watches_.clear(); }
  [[nodiscard]] bool watches_any() const { return !watches_.empty(); }
  // The watch that goes by this path, or -1.
  [[nodiscard]] std::int32_t watch_of(std::string_view path) const;

  // Something became durable: what was asked before no longer counts.
  void durable_changed() {
    for (Watch& each : watches_) each.stale = true;
  }
  // Before the ops that a sync covers are done with.
  static void seal(SimInode& inode);

  // A write or a cut that is about to happen. A write of just what is on the medium hurts no
  // registered file: a copy that could not be read may be mended though it was whole.
  void check(const SimInode& inode, const std::string& path, const char* verb, std::uint64_t call,
             std::uint64_t offset, std::uint64_t length, std::span<const std::byte> bytes = {}) {
    if (inode.is_log && !inode.sealed.empty()) check_log(inode, path, verb, call, offset, length);
    if (inode.watch >= 0 && !is_there(inode, offset, bytes)) {
      check_watch(inode, path, verb, call, offset, length);
    }
  }

  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  void clear_violation() { violation_.reset(); }

 private:
  struct Watch {
    std::string path;
    NeededRanges needed;
    std::vector<NeededRange> ranges;
    bool stale = true;
  };

  static bool is_there(const SimInode& inode, std::uint64_t offset,
                       std::span<const std::byte> bytes);
  void check_log(const SimInode& inode, const std::string& path, const char* verb,
                 std::uint64_t call, std::uint64_t offset, std::uint64_t length);
  void check_watch(const SimInode& inode, const std::string& path, const char* verb,
                   std::uint64_t call, std::uint64_t offset, std::uint64_t length);
  void breach(const std::string& path, const char* verb, std::uint64_t call, std::uint64_t offset,
              std::uint64_t length, const NeededRange& needed);

  std::vector<Watch> watches_;
  std::optional<std::string> violation_;
};

}  // namespace holdfast
