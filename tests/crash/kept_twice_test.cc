// What is kept twice, so that one copy may go: the metas, and the inner pages of the page map.
#include <algorithm>
#include <array>
#include <optional>

#include "engine/file/meta_format.h"
#include "fuzz/lab/needed_ranges.h"
#include "tests/crash/crash_test_base.h"
#include "tests/sanitized.h"

namespace holdfast {
namespace {

constexpr const char* kPath = LabDatabase::kPath;

class KeptTwice : public CrashTest {
 protected:
  // The copy of a pair whose other one a crash has left behind it.
  static std::optional<unsigned> lone_copy(const SimDisk& disk) {
    const auto file = disk.cached_bytes(kPath);
    if (file.size() < kHeaderRegionBytes) return std::nullopt;
    std::array<std::uint64_t, kMetaCopies> generations{};
    for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
      const auto meta = decode_meta(file.subspan(meta_offset(copy)).first<kMetaBytes>());
      generations[copy] = meta ? meta->generation : 0;
    }
    for (unsigned copy = 0; copy < kMetaCopies; ++copy)
      if (generations[copy] > generations[(copy + 2) % kMetaCopies]) return copy;
    return std::nullopt;
  }
};

// Of a map of two levels, and with a log beside it or closed.
TEST_F(KeptTwice, ACopyThatRotsIsNoLoss) {
  constexpr std::uint32_t kLong = 3 << 20;  // More pages than a leaf of the map has entries.
  for (const bool closed : {false, true}) {
    start();
    database_.open();
    apply_all(database_, {{.kind = Kind::kPutRun, .count = 5, .key = 1, .bytes = 300},
                          {.kind = Kind::kPut, .key = 3, .bytes = kLong},
                          {.kind = Kind::kCommitSync},
                          {.kind = Kind::kCheckpoint},
                          {.kind = Kind::kPut, .key = 2, .bytes = 50},
                          {.kind = Kind::kCommitSync}});
    if (closed) database_.close();
    database_.stop();
    ASSERT_FALSE(database_.failure()) << *database_.failure();
    std::uint64_t inner_pages = 0;
    for (const NeededRange& range : needed_ranges(disk_, kPath)) {
      if (!range.kept_twice) continue;
      inner_pages += range.offset >= kHeaderRegionBytes ? 1 : 0;
      for (const std::uint64_t at : {range.offset, range.offset + range.length / 2}) {
        crash_and_recover(PolicyKind::kKeepAll, at);
        branch_disk_.flip_bit(kPath, at * 8 + 3);
        branch_.harmed(Harm::kScar);
        live(branch_disk_, branch_, afterlife());
        ASSERT_FALSE(branch_.failure()) << range.reason << ": " << *branch_.failure();
      }
    }
    EXPECT_GE(inner_pages, 2U);
  }
}

// A crash has left one copy of the next generation, and the opening can't read it. What only that
// generation needs, versions are parked over; then power is lost once more, and it can be read
// again.
TEST_F(KeptTwice, ALoneCopyThatCannotBeReadForOneOpening) {
  constexpr std::uint64_t kImages = 6;
  const std::vector<Op> ops = narrow_workload();
  // More pages than frames, before anything is committed.
  const std::vector<Op> next = {{.kind = Kind::kPutRun, .count = 40, .key = 0, .bytes = 400},
                                {.kind = Kind::kPutRun, .count = 20, .key = 0, .bytes = 9000},
                                {.kind = Kind::kCommitSync}};
  Shape few_frames = small_shape();
  few_frames.frames = 32;
  const std::uint64_t changes = changes_of(ops);
  SimDisk third_disk;
  LabDatabase third(third_disk);
  std::array<std::uint64_t, kMetaCopies> met{};
  // One change more each time, until the life ends by itself.
  const auto live_up_to = [&](std::uint64_t image, unsigned copy, bool once, std::uint64_t change) {
    crash_and_recover(PolicyKind::kWeak, image);
    branch_.set_options(few_frames);
    branch_disk_.unwatch();  // What it can't see may be written over.
    branch_.expect(Weather::kFaulty);
    Fault fault;
    fault.call = SimCall::kReadPastCache;
    fault.path_is = kPath;
    fault.nth = kMetaCopies + copy + 1;  // When the metas are read again, after a sync.
    if (once) {
      branch_disk_.inject(fault);
    } else {
      branch_disk_.make_unreadable(kPath, meta_offset(copy), kMetaBytes);
    }
    branch_disk_.crash_at_change(change, true);
    branch_.open();
    apply_all(branch_, next);
    const bool crashed = branch_disk_.crashed();
    branch_.stop();
    return crashed;
  };
  const auto recover = [&](PolicyKind kind, std::uint64_t seed) {
    ++executions_;
    third.stop();
    third_disk.become(branch_disk_);
    third.become(branch_, seed);
    third_disk.crash({.kind = kind, .sector_bytes = 4096}, seed);
    third_disk.make_readable(kPath);
    third.crashed(kind);
    third.expect(Weather::kFair);
    live(third_disk, third, afterlife());
  };
  for (std::uint64_t at = 1; at <= changes; ++at) {
    start();
    disk_.crash_at_change(at, true);
    live(disk_, database_, ops);
    database_.stop();
    for (std::uint64_t image = at * kImages; image < (at + 1) * kImages; ++image) {
      crash_and_recover(PolicyKind::kWeak, image);
      const auto copy = lone_copy(branch_disk_);
      if (!copy || ++met[*copy] > (kSanitized ? 1 : 3)) continue;
      for (const bool once : {false, true}) {
        for (std::uint64_t change = 1; live_up_to(image, *copy, once, change); ++change) {
          ASSERT_FALSE(branch_.failure()) << "change " << at << ": " << *branch_.failure();
          for (std::uint64_t seed = 0; seed < 3; ++seed) {
            recover(seed == 0 ? PolicyKind::kKeepAll : PolicyKind::kWeak, change * 4 + seed);
            ASSERT_FALSE(third.failure())
                << "change " << at << ", image " << image << (once ? ", once" : "")
                << ", then change " << change << ": " << *third.failure();
          }
        }
      }
    }
  }
  for (const std::uint64_t times : met) EXPECT_GT(times, 0U);
}

}  // namespace
}  // namespace holdfast
