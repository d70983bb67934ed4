// Random calls on the simulated disk, with a model beside it that is too simple to be wrong: per
// file a string as programs see it, one as it was at the last sync, and all that a sector has been.
#include <algorithm>
#include <set>

#include "fuzz/lab/rng.h"
#include "tests/fuzz/sim_disk_test_base.h"

namespace holdfast {
namespace {

constexpr std::size_t kSector = 512;

struct ModelFile {
  std::string seen;
  std::string synced;
  std::set<std::string> sectors;  // Every content that any whole sector had since the last sync.

  void remember() {
    for (std::size_t at = 0; at + kSector <= seen.size(); at += kSector) {
      sectors.insert(seen.substr(at, kSector));
    }
  }
};

class SimDiskModelTest : public SimDiskTest {
 protected:
  void step(Rng& rng, const File& file, ModelFile& model) {
    const std::uint64_t choice = rng.below(10);
    if (choice < 6) {
      const std::uint64_t offset = rng.below(12) * (rng.chance(1, 2) ? 512 : 100);
      const std::string text(1 + rng.below(3000),
                             rng.chance(1, 4) ? '\0' : static_cast<char>('a' + rng.below(20)));
      put(file, offset, text);
      if (model.seen.size() < offset + text.size()) model.seen.resize(offset + text.size());
      model.seen.replace(offset, text.size(), text);
    } else if (choice < 8) {
      const std::uint64_t size = rng.below(16) * 512;
      ASSERT_TRUE(file->truncate(size));
      model.seen.resize(size);
    } else if (choice < 9) {
      const std::uint64_t end = rng.below(16) * 512;
      ASSERT_TRUE(file->allocate(0, end));
      if (end > model.seen.size()) model.seen.resize(end);
    } else {
      ASSERT_TRUE(file->sync());
      model.synced = model.seen;
      model.sectors.clear();
    }
    model.remember();
  }
};

TEST_F(SimDiskModelTest, ViewsAgreeAndCrashesKeepAllOrNone) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Rng rng(seed);
    disk_.reset({});
    File file = settled("db", "");
    ModelFile model;
    for (std::uint64_t count = rng.below(25); count > 0; --count) step(rng, file, model);
    ASSERT_TRUE(cached("db") == model.seen) << seed;
    ASSERT_TRUE(durable("db") == model.synced) << seed;
    ASSERT_TRUE(read_medium(file, 0, 1 << 16) == model.seen) << "all of it is dirty or synced";
    const bool keep = rng.chance(1, 2);
    crash(keep ? CrashPolicy::Kind::kKeepAll : CrashPolicy::Kind::kKeepNone, seed);
    ASSERT_TRUE(durable("db") == (keep ? model.seen : model.synced)) << seed;
    ASSERT_TRUE(cached("db") == durable("db")) << seed;
  }
}

TEST_F(SimDiskModelTest, WithoutGarbageEverySectorIsOneThatWas) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Rng rng(seed);
    disk_.reset({});
    File file = settled("db", "");
    ModelFile model;
    // Whole sectors only: what a truncated one may hold is more than a list of contents can say.
    for (std::uint64_t count = rng.below(25); count > 0; --count) {
      const std::string text(512 * (1 + rng.below(5)), static_cast<char>('a' + rng.below(20)));
      const std::uint64_t offset = rng.below(12) * 512;
      put(file, offset, text);
      if (model.seen.size() < offset + text.size()) model.seen.resize(offset + text.size());
      model.seen.replace(offset, text.size(), text);
      model.remember();
      if (rng.chance(1, 6)) {
        ASSERT_TRUE(file->sync());
        model.sectors.clear();
        model.synced = model.seen;
        model.remember();
      }
    }
    model.sectors.insert(std::string(kSector, '\0'));
    CrashPolicy policy;
    policy.garbage = false;
    disk_.crash(policy, seed);
    const std::string now = cached("db");
    ASSERT_TRUE(now == durable("db")) << seed;
    for (std::size_t at = 0; at < now.size(); at += kSector) {
      ASSERT_TRUE(model.sectors.contains(now.substr(at, kSector))) << seed << " at " << at;
    }
    ASSERT_GE(now.size(), model.synced.size()) << "nothing was cut, so no crash may cut";
  }
}

TEST_F(SimDiskModelTest, BecomingAnotherDiskIsBeingIt) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Rng rng(seed);
    disk_.reset({});
    File file = settled("db", "");
    ModelFile model;
    for (std::uint64_t count = rng.below(25); count > 0; --count) step(rng, file, model);
    SimDisk other;
    other.set_file("left over", as_bytes("x"));
    other.become(disk_);
    other.crash({}, seed);
    disk_.crash({}, seed);
    ASSERT_EQ(other.durable_hash(), disk_.durable_hash());
    ASSERT_EQ(other.paths(), disk_.paths());
  }
}

}  // namespace
}  // namespace holdfast
