// Versions are parked in slots that nothing durable needs: not those of the generation before the
// newest, as long as that one has a single good copy of its meta. The first transaction of an
// opening that found a torn meta was larger than the cache, and was parked right over them.
#include <array>

#include "engine/file/meta_format.h"
#include "tests/crash/crash_test_base.h"

namespace holdfast {
namespace {

class ParkingTest : public CrashTest {
 protected:
  void fill(std::uint32_t bytes) {
    for (std::uint32_t key = 0; key < 96; key += 16) {
      database_.apply({.kind = Kind::kPutRun, .count = 16, .key = key, .bytes = bytes});
      database_.apply({.kind = Kind::kCommitSync});
    }
    database_.apply({.kind = Kind::kCheckpoint});
  }

  // Two generations, the older with slots of its own, and a log that changes `replayed` keys more.
  void two_generations(std::uint16_t replayed) {
    Shape shape;
    shape.page_size = 16384;
    shape.key_count = 150;
    shape.value_bytes_max = 12000;
    shape.checkpoint_log_bytes = std::uint64_t{1} << 24;
    database_.stop();
    disk_.reset({});
    database_.start(shape, 7);
    database_.open();
    fill(9000);
    fill(10000);
    database_.apply({.kind = Kind::kPutRun, .count = replayed, .key = 100, .bytes = 9500});
    database_.apply({.kind = Kind::kCommitSync});
    ASSERT_FALSE(database_.failure()) << *database_.failure();
    database_.stop();
    disk_.crash({.kind = PolicyKind::kKeepAll}, 0);
    database_.crashed(PolicyKind::kKeepAll);
  }
};

TEST_F(ParkingTest, NothingIsParkedOverTheGenerationBeforeATornMeta) {
  std::array<std::byte, kMetaBytes> junk;
  junk.fill(std::byte{0xa5});
  for (unsigned copy = 0; copy < kMetaCopies; ++copy) {
    for (const std::uint16_t replayed : {2, 20}) {
      for (const std::uint16_t count : {10, 16, 20, 24, 40, 55}) {
        two_generations(replayed);
        disk_.patch(LabDatabase::kPath, meta_offset(copy), junk);
        database_.harmed(Harm::kScar);
        database_.open();
        database_.apply({.kind = Kind::kPutRun, .count = count, .key = 44, .bytes = 7595});
        database_.apply({.kind = Kind::kCompare});
        database_.apply({.kind = Kind::kCommitSync});
        if (database_.is_open()) database_.close();
        ASSERT_FALSE(database_.failure()) << "copy " << copy << ", " << replayed << " replayed, "
                                          << count << " put: " << *database_.failure();
      }
    }
  }
}

}  // namespace
}  // namespace holdfast
