// The slots that the log beside a tree file places: what a transaction had no memory for lies there
// and nowhere else, until a durable checkpoint has passed the log that names it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/base/types.h"
#include "engine/file/meta_format.h"
#include "fuzz/lab/sim_disk.h"
#include "wal/format.h"

namespace holdfast {

class PlacedSlots {
 public:
  // Of the groups after the position that `meta` names, as far as recovery would accept them. Reads
  // what programs see: a slot is needed from the moment its name is written. Goes on where it
  // stopped if nothing but appending can have happened.
  void read(const SimDisk& disk, const std::string& path, const Meta& meta);
  [[nodiscard]] std::span<const Slot> slots() const { return slots_; }

 private:
  struct Segment {
    std::string path;
    SegmentHeader header;
  };
  [[nodiscard]] static std::vector<Segment> segments(const SimDisk& disk, const std::string& path);
  bool enter_next(std::span<const Segment> segments);
  bool read_batch(std::span<const std::byte> file);

  std::uint64_t life_ = 0;
  std::uint64_t generation_ = 0;
  SegmentRef segment_;
  Lsn at_{};  // The next batch, and what it must chain to.
  std::uint64_t chain_ = 0;
  bool in_group_ = false;
  bool continues_ = false;      // The next batch is in the next segment.
  std::vector<Slot> slots_;     // Of whole groups;
  std::vector<Slot> of_group_;  // of the one that is being read.
};

}  // namespace holdfast
