// Readers without locks beside a writer, checkpoints and evictions.
#include <atomic>
#include <random>
#include <thread>

#include "tests/cache/cache_fixture.h"

namespace holdfast {
namespace {

TEST_F(CacheTest, ReadersWriterAndEvictionsAtOnce) {
  start(96);
  for (std::uint32_t id = 1; id <= 80; ++id) {
    write({id});
    write_back(cache_->durable());
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      while (!stop.load()) {
        Snapshot snapshot(*cache_);
        // All of a pair is written together: the same transaction or the same age.
        for (int i = 0; i < 10; ++i) {
          const std::uint32_t id = 1 + random() % 40 * 2;
          const auto left = seen(id, snapshot.txn, snapshot.slot());
          const auto right = seen(id + 1, snapshot.txn, snapshot.slot());
          if (!left || !right) {
            ADD_FAILURE() << (left ? right : left).error().to_string();
            stop = true;
            return;
          }
          if (*left > raw(snapshot.txn) || (*left > 80) != (*right > 80) ||
              (*left > 80 && *left != *right)) {
            ADD_FAILURE() << "page " << id << ": " << *left << " and " << *right << " at "
                          << raw(snapshot.txn);
            stop = true;
            return;
          }
        }
      }
    });
  }
  std::mt19937 random(77);
  for (int i = 0; i < 1500 && !stop.load(); ++i) try {
      const std::uint32_t id = 1 + static_cast<std::uint32_t>(random() % 40) * 2;
      while (cache_->held() > cache_->frame_limit() / 2 && cache_->open_snapshots() != 0 &&
             cache_->dirty_pages() < 20)
        std::this_thread::yield();  // As a writer waits for room.
      write({id, id + 1});
      if (i % 5 == 0) {
        ReaderSlot& checkpoint = **cache_->readers().claim();
        const TxnNumber d =
            cache_->begin_snapshot_at(checkpoint, [&] { return cache_->durable(); });
        write_back(d);
        cache_->end_snapshot(checkpoint);
        cache_->readers().release(checkpoint);
      }
    } catch (const std::exception& e) {
      ADD_FAILURE() << "at " << i << ": " << e.what() << "; held " << cache_->held();
      break;
    }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(cache_->counters().pages_evicted, 0U);
}

}  // namespace
}  // namespace holdfast
