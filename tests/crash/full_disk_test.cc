// A disk that is full: what only frees goes on, record by record, also after crashes; what is put
// once there is room again is there.
#include <algorithm>
#include <vector>

#include "tests/crash/crash_test_base.h"
#include "tests/sanitized.h"

namespace holdfast {
namespace {

class FullDisk : public CrashTest {
 protected:
  static constexpr int kRefusals = 20;

  static Shape shape_of_disk() {
    Shape shape = small_shape();
    shape.key_count = 4000;
    shape.segment_bytes = std::uint64_t{64} << 10;
    shape.checkpoint_log_bytes = std::uint64_t{96} << 10;
    return shape;
  }

  void start_on(std::uint64_t kib) {
    ++executions_;
    kib_ = kib;
    database_.stop();
    SimDisk::Options options;
    options.capacity_bytes = kib << 10;
    disk_.reset(options);
    database_.start(shape_, kib);
    database_.expect(Weather::kFull);
    rng_ = Rng(kib);
    database_.open();
  }
  void put(std::uint32_t key, std::uint32_t bytes) {
    database_.apply({.kind = Kind::kPut, .key = key, .bytes = bytes});
    database_.apply({.kind = Kind::kCommitSync});
  }
  // Until that many were refused, the last of them with hardly any bytes.
  void fill() {
    const std::uint64_t before = database_.counters().refusals;
    for (std::uint32_t key = 1; key < shape_.key_count && database_.usable(); ++key) {
      const std::uint64_t refused = database_.counters().refusals - before;
      if (refused >= kRefusals) return;
      const auto bytes = static_cast<std::uint32_t>(rng_.below(rng_.chance(1, 5) ? 9000 : 900));
      put(key, refused > kRefusals / 2 ? 1 : bytes);
    }
    ASSERT_FALSE(database_.usable()) << kib_ << " KiB have room for everything";
  }
  std::vector<std::uint32_t> keys_in_any_order() {
    std::vector<std::uint32_t> keys;
    for (std::uint32_t key = 0; key < shape_.key_count; ++key)
      if (database_.model().trees().at("").contains(shape_.key(key))) keys.push_back(key);
    for (std::size_t i = keys.size(); i > 1; --i) std::swap(keys[i - 1], keys[rng_.below(i)]);
    return keys;
  }
  // Answers whether it was done.
  bool erase(std::uint32_t key) {
    const std::uint64_t refused = database_.counters().refusals;
    database_.apply({.kind = Kind::kErase, .key = key});
    database_.apply({.kind = Kind::kCommitSync});
    return database_.counters().refusals == refused;
  }
  void crash() {
    ++executions_;
    database_.stop();
    disk_.crash({.kind = PolicyKind::kWeak}, executions_);
    database_.crashed(PolicyKind::kWeak);
    database_.open();
  }
  void expect_no_failure() {
    EXPECT_FALSE(database_.failure()) << kib_ << " KiB: " << *database_.failure();
  }

  const Shape shape_ = shape_of_disk();
  std::uint64_t kib_ = 0;
  Rng rng_;
};

TEST_F(FullDisk, EveryRecordCanBeErased) {
  for (std::uint64_t kib = 1200; kib <= (kSanitized ? 1200 : 2000) && !HasFailure(); kib += 36) {
    start_on(kib);
    fill();
    for (const std::uint32_t key : keys_in_any_order())
      ASSERT_TRUE(erase(key)) << kib << " KiB: what only frees was refused";
    // There is room, for the same handle.
    const std::uint64_t refused = database_.counters().refusals;
    for (std::uint32_t key = 1; key < 20; ++key) put(key, 300);
    EXPECT_EQ(database_.counters().refusals, refused) << kib;
    database_.apply({.kind = Kind::kVerify});
    database_.close();
    expect_no_failure();
  }
}

// Opening needs no room. Where the new log finds none, it does after compact().
TEST_F(FullDisk, EveryRecordCanBeErasedAfterCrashes) {
  constexpr std::size_t kBetween = 40;
  for (std::uint64_t kib = 1200; kib <= (kSanitized ? 1200 : 2000) && !HasFailure(); kib += 140) {
    start_on(kib);
    fill();
    const std::vector<std::uint32_t> keys = keys_in_any_order();
    for (std::size_t i = 0; i < keys.size() && database_.usable(); ++i) {
      const bool opened = i % kBetween == kBetween / 2 && i < 10 * kBetween;
      if (opened) crash();
      if (erase(keys[i])) continue;
      ASSERT_TRUE(opened) << kib << " KiB: what only frees was refused";
      database_.apply({.kind = Kind::kCompact});
      ASSERT_TRUE(erase(keys[i])) << kib << " KiB: what only frees was refused";
    }
    database_.close();
    expect_no_failure();
  }
}

}  // namespace
}  // namespace holdfast
