// Hostile files: every byte of a small database changed, every length, files missing, swapped and
// foreign. The outcome is right data or an error: never a crash, a hang, or a wrong answer.
//
// Right means: what an undamaged reading gives, for every key that can be read at all.
#include <cstring>
#include <functional>
#include <iostream>
#include <random>

#include "engine/base/bytes.h"
#include "engine/base/checksum.h"
#include "engine/base/limits.h"
#include "engine/file/meta_format.h"
#include "engine/page/page_format.h"
#include "tests/engine/engine_fixture.h"

namespace holdfast {
namespace {

struct Outcomes {
  std::map<std::string, std::uint64_t> counts;
  void add(const std::string& what) { ++counts[what]; }
  void tell(const std::string& title) const {
    std::string line = title + ":";
    for (const auto& [what, count] : counts) line += " " + what + " " + std::to_string(count) + ",";
    line.pop_back();
    std::cout << line << '\n';
    testing::Test::RecordProperty("outcomes", line);
  }
};

class HostileTest : public testing::Test {
 protected:
  using Files = MemoryWorld::Files;

  static Options small(MemoryWorld& world) {
    Options options = world.options();
    options.page_size = 4096;
    options.cache_bytes = kMinCacheBytes;
    options.log_segment_bytes = kLogSegmentMin;
    return options;
  }

  // A database whose states after each commit are known.
  void make(bool with_log) {
    MemoryWorld world;
    Database db = MUST(Database::open("db", small(world)));
    Contents model;
    states_.push_back(model);
    for (int i = 0; i < 12; ++i) {
      WriteTransaction writer = MUST(db.begin_write());
      for (int n = 0; n < 8; ++n) {
        const std::string key = numbered((i * 5 + n * 3) % 60);
        model[key] = "value " + std::to_string(i) + std::string(n == 7 ? 5000 : n * 40, 'v');
        MUST(writer.put(key, model[key]));
      }
      MUST(writer.commit());
      states_.push_back(model);
      if (i == 5) MUST(db.checkpoint());
    }
    if (with_log) {
      files_ = world.files();
      first_possible_ = 6;
    } else {
      MUST(db.close());
      files_ = world.files();
      first_possible_ = states_.size() - 1;
    }
  }

  // What a program gets of these files: a state from `first_possible` on, or an error.
  void judge(const Files& files, const std::string& what, std::size_t first_possible,
             Outcomes& outcomes) {
    MemoryWorld world;
    world.put(files);
    for (bool read_only : {true, false}) {
      Options options = small(world);
      options.mode = read_only ? OpenMode::kReadOnly : OpenMode::kReadWrite;
      auto db = Database::open("db", options);
      if (!db) {
        outcomes.add(error_code_name(db.error().code()));
        continue;
      }
      judge_open(*db, world, what, first_possible, outcomes, read_only);
    }
  }

  void judge_open(Database& db, MemoryWorld& world, const std::string& what,
                  std::size_t first_possible, Outcomes& outcomes, bool read_only) {
    auto reader = db.begin_read();
    if (!reader) return outcomes.add(error_code_name(reader.error().code()));
    Contents seen;
    bool whole = true;
    {
      auto cursor = reader->cursor();
      Result<bool> on = cursor ? cursor->first() : std::unexpected(cursor.error());
      for (; on && *on; on = cursor->next()) {
        auto value = cursor->value();
        if (!value) {
          whole = false;
          outcomes.add(std::string("value_") + error_code_name(value.error().code()));
          continue;
        }
        seen.emplace(cursor->key(), *value);
      }
      if (!on) {
        whole = false;
        outcomes.add(std::string("scan_") + error_code_name(on.error().code()));
      }
    }
    const bool right =
        std::any_of(states_.begin() + static_cast<std::ptrdiff_t>(first_possible), states_.end(),
                    [&](const Contents& state) {
                      if (whole) return state == seen;
                      return std::all_of(seen.begin(), seen.end(), [&](const auto& record) {
                        auto found = state.find(record.first);
                        return found != state.end() && found->second == record.second;
                      });
                    });
    ASSERT_TRUE(right) << what << ": wrong data" << (read_only ? " read-only" : "");
    if (whole) outcomes.add("right");
    for (const auto& [key, value] : states_.back()) {
      auto got = reader->get(key);
      if (!whole || !got) continue;
      auto found = seen.find(key);
      ASSERT_EQ(*got, found == seen.end() ? std::optional<std::string>() : found->second) << what;
    }
    (void)db.verify();
    if (read_only) return;
    reader = std::unexpected(Error(ErrorCode::kInternal, "ended"));
    go_on(db, world, seen, whole, what);
  }

  // Life goes on, or says why not; what was written then is there at the next opening.
  void go_on(Database& db, MemoryWorld& world, Contents& seen, bool whole,
             const std::string& what) {
    auto put = db.put("and then", "more");
    auto closed = db.close();
    if (!put || !closed || !whole) return;
    seen["and then"] = "more";
    auto again = Database::open("db", small(world));
    ASSERT_TRUE(again) << what << ": " << again.error().to_string();
    // The damage may lie in a page that the first reading had no need of, or show itself now.
    auto reader = again->begin_read();
    if (!reader) return;
    for (const auto& [key, value] : seen) {
      auto got = reader->get(key);
      if (got) {
        ASSERT_EQ(*got, value) << what << ": after going on";
      }
    }
  }

  Files files_;
  std::vector<Contents> states_;
  std::size_t first_possible_ = 0;
};

bool holds_no_tree_page(const std::vector<std::byte>& bytes, std::size_t block) {
  if (block < kHeaderRegionBytes / 4096) return true;
  const auto kind = page_kind(bytes.data() + block * 4096);
  return kind == PageKind::kMapLeaf || kind == PageKind::kMapInner;
}

class HostileFileTest : public HostileTest, public testing::WithParamInterface<bool> {};

TEST_P(HostileFileTest, EveryByteChanged) {
  make(GetParam());
  Outcomes outcomes;
  for (const auto& [name, bytes] : files_) {
    std::size_t end = bytes.size();
    while (end > 0 && bytes[end - 1] == std::byte{0}) --end;
    end = std::min(bytes.size(), end + 64);
    for (std::size_t at = 0; at < end; ++at) {
      // Long runs of zeros that nothing reads are tried here and there.
      // Heads of pages and headers of segments, metas and map pages: all; the rest: every fifth.
      const bool all = at % 4096 < 256 || (name == "db" && holds_no_tree_page(bytes, at / 4096));
      if (!all && at % 5 != 0) continue;
      const bool dull = bytes[at] == std::byte{0} && at % 64 != 0 && at >= 64 &&
                        std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at) - 64,
                                    bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                    [](std::byte b) { return b == std::byte{0}; });
      if (dull) continue;
      Files changed = files_;
      changed[name][at] ^= at % 3 == 0 ? std::byte{0xFF} : std::byte{1} << (at % 8);
      // A flip in the log's last commits may take them, never more than those not vouched for.
      judge(changed, name + " byte " + std::to_string(at), first_possible_, outcomes);
      if (HasFatalFailure()) return;
    }
  }
  outcomes.tell(GetParam() ? "bytes changed, with a log" : "bytes changed, closed");
  EXPECT_GT(outcomes.counts["right"], 100U);
}

TEST_P(HostileFileTest, CutAtEveryLength) {
  make(GetParam());
  Outcomes outcomes;
  for (const auto& [name, bytes] : files_) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const bool edge = length % 4096 < 2 || length % 4096 > 4094 || length < 300;
      if (!edge && length % 61 != 0) continue;
      Files changed = files_;
      changed[name].resize(length);
      judge(changed, name + " cut to " + std::to_string(length), first_possible_, outcomes);
      if (HasFatalFailure()) return;
    }
  }
  outcomes.tell(GetParam() ? "cut, with a log" : "cut, closed");
}

TEST_P(HostileFileTest, BlocksZeroedSwappedAndDoubled) {
  make(GetParam());
  Outcomes outcomes;
  std::mt19937 random(11);
  for (const auto& [name, bytes] : files_) {
    const std::size_t blocks = bytes.size() / 4096;
    for (std::size_t block = 0; block < blocks; ++block) {
      const auto begin = [&](Files& files, std::size_t at) {
        return files[name].begin() + static_cast<std::ptrdiff_t>(at * 4096);
      };
      const std::size_t other = random() % blocks;
      Files zeroed = files_;
      std::fill_n(begin(zeroed, block), 4096, std::byte{0});
      judge(zeroed, name + " zeroed " + std::to_string(block), first_possible_, outcomes);
      Files swapped = files_;
      std::swap_ranges(begin(swapped, block), begin(swapped, block) + 4096, begin(swapped, other));
      judge(swapped, name + " swapped " + std::to_string(block), first_possible_, outcomes);
      Files doubled = files_;
      std::copy_n(begin(doubled, other), 4096, begin(doubled, block));
      judge(doubled, name + " doubled " + std::to_string(block), first_possible_, outcomes);
      if (HasFatalFailure()) return;
    }
  }
  outcomes.tell(GetParam() ? "blocks, with a log" : "blocks, closed");
}

INSTANTIATE_TEST_SUITE_P(Files, HostileFileTest, testing::Bool(),
                         [](const auto& param) { return param.param ? "WithLog" : "Closed"; });

// Two faults: each pair of meta copies gone in every combination.
TEST_F(HostileTest, MetaCopiesLostInEveryCombination) {
  for (bool with_log : {false, true}) {
    states_.clear();
    make(with_log);
    Outcomes outcomes;
    for (unsigned lost = 0; lost < 16; ++lost) {
      Files changed = files_;
      for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
        if ((lost >> copy) & 1) changed["db"][meta_offset(copy) + 200] ^= std::byte{1};
      }
      // With both copies of the newest gone an older generation is all there is: it may refuse, or
      // give what it holds if that can be whole. It must not mix.
      judge(changed, "metas lost " + std::to_string(lost), 0, outcomes);
      if (HasFatalFailure()) return;
    }
    outcomes.tell("metas");
    EXPECT_GE(outcomes.counts["damaged"], 2U);
  }
}

TEST_F(HostileTest, TheNewestStateIsNeverSilentlyLostWithItsMeta) {
  make(true);
  // The generation before the newest named an older place in the log, or none. Losing both copies
  // of the newest must not open as an older state without a word.
  Outcomes outcomes;
  for (unsigned pair = 0; pair < 2; ++pair) {
    Files changed = files_;
    changed["db"][meta_offset(pair) + 8] ^= std::byte{1};
    changed["db"][meta_offset(pair + 2) + 8] ^= std::byte{1};
    judge(changed, "pair " + std::to_string(pair), states_.size() - 1, outcomes);
  }
  outcomes.tell("pairs");
}

// DR-C4, DR-C5: a meta that names a log does not open without it.
TEST_F(HostileTest, AMissingSwappedOrForeignLog) {
  make(true);
  MemoryWorld foreign_world;
  Database foreign = MUST(Database::open("db", small(foreign_world)));
  MUST(foreign.put("foreign", "data"));
  const Files foreign_files = foreign_world.files();
  std::string log;
  for (const auto& [name, bytes] : files_) {
    if (name != "db") log = name;
  }
  std::string foreign_log;
  for (const auto& [name, bytes] : foreign_files) {
    if (name != "db") foreign_log = name;
  }
  const auto expect_refused = [&](const Files& files) {
    MemoryWorld world;
    world.put(files);
    for (OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
      Options options = small(world);
      options.mode = mode;
      EXPECT_CODE(Database::open("db", options), ErrorCode::kDamaged);
      EXPECT_TRUE(world.files() == files);
    }
  };
  Files missing = files_;
  for (const auto& [name, bytes] : files_) {
    if (name != "db") missing.erase(name);
  }
  expect_refused(missing);
  Files foreign_beside = missing;
  foreign_beside[log] = foreign_files.at(foreign_log);
  expect_refused(foreign_beside);
  Files empty_log = missing;
  empty_log[log] = {};
  expect_refused(empty_log);
  // A foreign log beside one's own changes nothing, whatever its name.
  Files both = files_;
  both["db.log-999"] = foreign_files.at(foreign_log);
  Outcomes outcomes;
  judge(both, "foreign beside", states_.size() - 1, outcomes);
  EXPECT_EQ(outcomes.counts["right"], 2U);
  // So does a rename: names mean nothing.
  Files renamed = missing;
  for (const auto& [name, bytes] : files_) {
    if (name != "db") renamed["db.log-777" + std::to_string(renamed.size())] = bytes;
  }
  Outcomes after;
  judge(renamed, "renamed", states_.size() - 1, after);
  EXPECT_EQ(after.counts["right"], 2U);
  // The same segment twice.
  Files twice = files_;
  twice["db.log-888"] = files_.at(log);
  Outcomes doubled;
  judge(twice, "twice", states_.size() - 1, doubled);
  doubled.tell("the same segment twice");
}

TEST_F(HostileTest, AnOldFileBesideANewerLogIsNoticed) {
  MemoryWorld world;
  Files closed;
  {
    Database db = MUST(Database::open("db", small(world)));
    MUST(db.put("a", "1"));
    MUST(db.close());
    closed = world.files();
  }
  Database db = MUST(Database::open("db", small(world)));
  MUST(db.put("a", "2"));
  Files mixed = world.files();
  mixed["db"] = closed["db"];
  MemoryWorld after;
  after.put(mixed);
  EXPECT_CODE(Database::open("db", small(after)), ErrorCode::kDamaged);
}

// A forger who knows the checksum: any value in any field of the metas.
TEST_F(HostileTest, ForgedMetasWithRightChecksums) {
  std::mt19937_64 random(5);
  for (bool with_log : {false, true}) {
    states_.clear();
    make(with_log);
    Outcomes outcomes;
    for (std::size_t at = meta_at::kFormat; at < 240; at += 4) {
      for (std::uint32_t value :
           {0U, 1U, 0x7FFFFFFFU, 0xFFFFFFFFU, static_cast<std::uint32_t>(random())}) {
        Files changed = files_;
        for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
          std::byte* block = changed["db"].data() + meta_offset(copy);
          store32(block + at, value);
          store64(block + meta_at::kCheck, hash64({block, meta_at::kCheck}));
        }
        MemoryWorld world;
        world.put(changed);
        for (OpenMode mode : {OpenMode::kReadOnly, OpenMode::kReadWrite}) {
          Options options = small(world);
          options.mode = mode;
          auto db = Database::open("db", options);
          if (!db) {
            outcomes.add(error_code_name(db.error().code()));
            continue;
          }
          // The forger's data may be wrong; what may not be is a crash or a hang.
          outcomes.add("opened");
          if (auto reader = db->begin_read()) {
            if (auto cursor = reader->cursor()) {
              int steps = 0;
              for (auto on = cursor->first(); on && *on && steps < 10'000; on = cursor->next())
                ++steps;
              EXPECT_LT(steps, 10'000);
            }
          }
          (void)db->verify();
          if (mode == OpenMode::kReadWrite) (void)db->put("k", "v");
          (void)db->close();
        }
      }
    }
    outcomes.tell("forged metas");
  }
}

}  // namespace
}  // namespace holdfast
