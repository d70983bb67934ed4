// A slot in which a version was parked was given to another page.
//
// An opening after a crash that finds a large map leaves the search for free space to its first
// checkpoint. If that was made within the first transaction, because memory was short, it didn't
// search, but gave back the slots that it had made superfluous. Versions were parked in some of
// them. The next checkpoint searched, found nobody who named those slots, and wrote other pages
// there.
#include <random>

#include "tests/engine/sim_world.h"

namespace holdfast {
namespace {

TEST(ParkedSlotCalledFreeTest, ManyIdsAndATransactionThatFillsMemoryRightAfterACrash) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    std::mt19937 random(seed);
    SimWorld world;
    Database db = MUST(Database::open("db", world.options()));
    Contents model;
    for (int round = 0; round < 24; ++round) {
      WriteTransaction writer = MUST(db.begin_write());
      {
        // Speaks for as many ids as the longest value has pages: others get those beyond.
        ValueWriter far = MUST(writer.put_stream("far"));
        MUST(far.append(std::string(40'000, 'x')));
        for (int i = 0; i < 300; ++i) {
          const std::string key = numbered(random() % 2000);
          const std::string value(100 + random() % 400, static_cast<char>('a' + round));
          MUST(writer.put(key, value));
          model[key] = value;
        }
      }
      MUST(writer.commit());
      ASSERT_TRUE(contents_of(db) == model) << "seed " << seed << ", round " << round;
      if (random() % 3 != 0) continue;
      world.lose_power();
      db = MUST(Database::open("db", world.options()));
      ASSERT_TRUE(contents_of(db) == model) << "seed " << seed << ", round " << round;
    }
    ASSERT_TRUE(contents_of(db) == model) << "seed " << seed;
    expect_sound(db);
  }
}

}  // namespace
}  // namespace holdfast
