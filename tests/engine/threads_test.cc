// Many threads on one database in a tiny cache: what every snapshot must show whatever the order of
// events. Clean under ThreadSanitizer.
//
// Accounts: transfers keep the sum, each record carries a checksum of its key and of the
// transaction that wrote it.
#include <atomic>
#include <chrono>
#include <random>
#include <span>
#include <sstream>
#include <thread>

#include "engine/base/checksum.h"
#include "engine/base/limits.h"
#include "tests/engine/engine_fixture.h"
#include "tests/sanitized.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

constexpr int kAccounts = 9000;  // More than the smaller caches hold.
constexpr std::int64_t kBalance = 1000;

constexpr auto kRunFor = milliseconds(kSanitized ? 4000 : 2500);

std::string record(const std::string& key, std::int64_t balance, std::uint64_t txn) {
  std::string text = std::to_string(balance) + " " + std::to_string(txn) + " ";
  const std::string sealed = key + " " + text;
  text += std::to_string(hash64(std::as_bytes(std::span(sealed))));
  return text + std::string(150, '.');
}

std::int64_t open_record(const std::string& key, std::string_view text) {
  const std::string whole(text);
  std::istringstream in(whole);
  std::int64_t balance = 0;
  std::uint64_t txn = 0;
  in >> balance >> txn;
  if (record(key, balance, txn) != text) throw std::runtime_error("wrong record of " + key);
  return balance;
}

class ThreadsTest : public testing::Test {
 protected:
  void open(const Options& base, std::size_t cache_bytes) {
    Options options = base;
    options.page_size = 4096;
    options.cache_bytes = cache_bytes;
    options.checkpoint_log_bytes = 256 << 10;
    options.log_segment_bytes = 128 << 10;
    options.write_timeout = milliseconds(60'000);
    options.lazy_interval = milliseconds(20);
    db_ = MUST(Database::open(directory_ / "db", options));
  }
  void make_accounts() {
    for (int from = 0; from < kAccounts; from += 100) {
      WriteTransaction writer = MUST(db_->begin_write());
      for (int i = from; i < from + 100; ++i)
        MUST(writer.put(numbered(i), record(numbered(i), kBalance, writer.txn())));
      MUST(writer.commit(Durability::kOs));
    }
  }
  // Runs `work(thread)` over and over in its own threads until the time is over.
  template <class F>
  void start(int threads, F work) {
    for (int t = 0; t < threads; ++t) {
      threads_.emplace_back([this, work, t] {
        try {
          std::mt19937 random(static_cast<unsigned>(t) * 7919 + 1);
          while (!stop_.load()) work(t, random);
        } catch (const std::exception& e) {
          ADD_FAILURE() << e.what();
          stop_.store(true);
        }
      });
    }
  }
  void finish(milliseconds after = kRunFor) {
    const auto end = std::chrono::steady_clock::now() + after;
    while (!stop_.load() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(milliseconds(10));
    stop_.store(true);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void transfer(std::mt19937& random, Durability durability) {
    WriteTransaction writer = MUST(db_->begin_write());
    for (int i = 0; i < 3; ++i) {
      const std::string from = numbered(random() % kAccounts);
      const std::string to = numbered(random() % kAccounts);
      if (from == to) continue;
      const std::int64_t amount = static_cast<std::int64_t>(random() % 50);
      const std::int64_t had = open_record(from, MUST(writer.get(from)).value());
      const std::int64_t has = open_record(to, MUST(writer.get(to)).value());
      if (!put(writer, from, record(from, had - amount, writer.txn()))) return;
      if (!put(writer, to, record(to, has + amount, writer.txn()))) return;
    }
    if (random() % 8 == 0) return;  // Aborts.
    MUST(writer.commit(durability));
  }
  // False when slow readers keep so many versions that there is no room for another; the
  // transaction must then leave no trace.
  static bool put(WriteTransaction& writer, const std::string& key, const std::string& value) {
    const auto done = writer.put(key, value);
    if (!done && done.error().code() != ErrorCode::kLimitExceeded)
      throw std::runtime_error(done.error().to_string());
    return done.has_value();
  }
  template <class R>
  static void expect_sum(const R& reader, bool backward) {
    Cursor cursor = MUST(reader.cursor());
    std::int64_t sum = 0;
    int records = 0;
    for (bool on = MUST(backward ? cursor.last() : cursor.first()); on;
         on = MUST(backward ? cursor.prev() : cursor.next())) {
      sum += open_record(std::string(cursor.key()), MUST(cursor.value()));
      ++records;
    }
    if (records != kAccounts || sum != kAccounts * kBalance) {
      throw std::runtime_error("snapshot " + std::to_string(reader.txn()) + " has " +
                               std::to_string(records) + " accounts with " + std::to_string(sum));
    }
  }

  TempDirectory directory_;
  std::optional<Database> db_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
};

TEST_F(ThreadsTest, EverySnapshotIsOneState) {
  open(Options{}, 2 << 20);
  make_accounts();
  std::atomic<std::uint64_t> scans{0};
  start(3, [&](int, std::mt19937& random) {
    const ReadTransaction reader = MUST(db_->begin_read());
    expect_sum(reader, random() % 2 == 0);
    ++scans;
  });
  start(2, [&](int, std::mt19937& random) {  // Point reads, one state each.
    const ReadTransaction reader = MUST(db_->begin_read());
    for (int i = 0; i < 50; ++i) {
      const std::string key = numbered(random() % kAccounts);
      const auto first = MUST(reader.get(key));
      open_record(key, first.value());
      if (MUST(reader.get(key)) != first) throw std::runtime_error("a snapshot changed");
    }
  });
  start(3, [&](int t, std::mt19937& random) { transfer(random, static_cast<Durability>(t)); });
  start(1, [&](int, std::mt19937&) {
    MUST(db_->checkpoint());
    std::this_thread::sleep_for(milliseconds(5));
  });
  start(1, [&](int, std::mt19937&) {
    const Stats stats = db_->stats();
    if (stats.durable_txn > stats.newest_txn + 1) throw std::runtime_error("durable beyond newest");
    if (stats.cache_frame_bytes > stats.cache_budget_bytes) throw std::runtime_error("over budget");
    std::this_thread::sleep_for(milliseconds(1));
  });
  finish();
  EXPECT_GT(scans.load(), 5U);
  EXPECT_GT(db_->stats().pages_evicted, 0U);
  EXPECT_GT(db_->stats().checkpoints, 2U);
  EXPECT_EQ(db_->stats().open_snapshots, 0U);
  expect_sum(MUST(db_->begin_read()), false);
  expect_sound(*db_);
  MUST(db_->checkpoint());
  EXPECT_EQ(db_->stats().cache_dirty_bytes, 0U);
  EXPECT_EQ(db_->stats().cache_version_bytes, 0U);
  MUST(db_->close());
  open(Options{}, kMinCacheBytes);
  expect_sum(MUST(db_->begin_read()), true);
  expect_sound(*db_);
}

TEST_F(ThreadsTest, SnapshotsHeldForLongAndTokens) {
  open(Options{}, 8 << 20);
  make_accounts();
  start(3, [&](int, std::mt19937& random) {
    const ReadTransaction reader = MUST(db_->begin_read());
    expect_sum(reader, false);
    std::this_thread::sleep_for(milliseconds(random() % 60));
    expect_sum(reader, true);
  });
  start(2, [&](int, std::mt19937& random) {
    const std::string key = numbered(random() % kAccounts);
    CommitToken token = 0;
    std::string mine;
    {
      WriteTransaction writer = MUST(db_->begin_write());
      const std::int64_t had = open_record(key, MUST(writer.get(key)).value());
      mine = record(key, had, writer.txn());
      MUST(writer.put(key, mine));
      token = MUST(writer.commit_async());
    }
    const ReadTransaction reader = MUST(db_->begin_read({.at_least = token}));
    if (reader.txn() < token) throw std::runtime_error("older than the token");
    if (reader.txn() == token && MUST(reader.get(key)) != mine)
      throw std::runtime_error("a token's own state lacks its write");
    if (random() % 4 == 0) {
      MUST(db_->wait_durable(token));
      if (db_->stats().durable_txn < token) throw std::runtime_error("waited, not durable");
    }
  });
  start(1, [&](int, std::mt19937& random) { transfer(random, Durability::kSync); });
  finish();
  expect_sound(*db_);
}

// Trees with records that come and go, so that pages are split, merged, freed and used again under
// the readers.
TEST_F(ThreadsTest, PagesComeAndGoUnderReaders) {
  // Room for the versions that four slow readers and a verify() keep.
  open(Options{}, 6 << 20);
  WriteTransaction setup = MUST(db_->begin_write());
  const Tree tree = MUST(setup.create_tree("t"));
  MUST(setup.put(tree, "generation", "0"));
  MUST(setup.commit());
  // In each state the tree holds exactly the records of its generation.
  start(1, [&](int, std::mt19937& random) {
    WriteTransaction writer = MUST(db_->begin_write());
    const int old = std::stoi(MUST(writer.get(tree, "generation")).value());
    for (int i = 0; i < old % 97; ++i) {
      if (!MUST(writer.erase(tree, "r" + numbered(i)))) throw std::runtime_error("lost record");
    }
    const int now = old + 1 + static_cast<int>(random() % 50);
    for (int i = 0; i < now % 97; ++i) {
      const std::size_t bytes = i % 5 == 0 ? 6000 : 200;
      MUST(writer.put(tree, "r" + numbered(i), std::string(bytes, 'a') + std::to_string(now)));
    }
    MUST(writer.put(tree, "generation", std::to_string(now)));
    MUST(writer.commit(random() % 4 == 0 ? Durability::kSync : Durability::kOs));
  });
  start(4, [&](int t, std::mt19937&) {
    const ReadTransaction reader = MUST(db_->begin_read());
    const std::string generation = MUST(reader.get(tree, "generation")).value();
    if (t % 2 == 1) std::this_thread::sleep_for(milliseconds(2));
    const Contents all = contents_of(reader, tree);
    const int records = std::stoi(generation) % 97;
    if (static_cast<int>(all.size()) != records + 1) throw std::runtime_error("wrong count");
    if (MUST(reader.count(tree)) != all.size()) throw std::runtime_error("wrong stored count");
    for (const auto& [key, value] : all) {
      if (key != "generation" && !value.ends_with("a" + generation))
        throw std::runtime_error("a record of another generation");
    }
  });
  start(1, [&](int, std::mt19937&) {
    MUST(db_->checkpoint());
    std::this_thread::sleep_for(milliseconds(3));
  });
  start(1, [&](int, std::mt19937&) {
    const VerifyReport report = MUST(db_->verify());
    if (!report.sound())
      throw std::runtime_error(report.findings[0].code + ": " + report.findings[0].detail);
  });
  finish();
  EXPECT_LT(db_->stats().pages, 600U) << "freed pages are used again";
  expect_sound(*db_);
}

TEST_F(ThreadsTest, EightThreadsCommitTogetherAndAllOfItIsThereAfterAKill) {
  // The host drives the background work, so that it rests while the files are copied: a copy made
  // file by file beside a checkpoint isn't what a kill leaves.
  Options by_host;
  by_host.background = Background::kHost;
  open(by_host, 4 << 20);
  start(1, [&](int, std::mt19937&) { MUST(db_->run_background()); });
  constexpr int kThreads = 8;
  constexpr int kCommits = 60;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        WriteTransaction writer = db_->begin_write().value();
        const std::string key = std::to_string(t) + "/" + numbered(i, 3);
        writer.put(key, record(key, i, writer.txn())).value();
        const CommitToken token = writer.commit().value();
        if (db_->stats().durable_txn < token) ADD_FAILURE() << "acknowledged, not durable";
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  finish(milliseconds(0));
  EXPECT_EQ(db_->stats().commits, std::uint64_t{kThreads * kCommits});
  EXPECT_LE(db_->stats().log_syncs, std::uint64_t{kThreads * kCommits} + 20);
  // What a kill would leave now.
  TempDirectory left;
  for (const auto& [name, bytes] : directory_.contents())
    std::ofstream(left / name, std::ios::binary) << bytes;
  Database after = MUST(Database::open(left / "db"));
  const Contents found = contents_of(after);
  EXPECT_EQ(found.size(), static_cast<std::size_t>(kThreads * kCommits));
  for (const auto& [key, value] : found) open_record(key, value);
  expect_sound(after);
}

TEST_F(ThreadsTest, OpeningAndClosingUnderNoise) {
  for (int round = 0; round < 15; ++round) {
    open(Options{}, 1 << 20);
    stop_.store(false);
    start(2, [&](int t, std::mt19937& random) {
      MUST(db_->put(numbered(random() % 50), std::string(100 * (t + 1), 'v')));
    });
    start(2, [&](int, std::mt19937& random) { MUST(db_->get(numbered(random() % 50))); });
    finish(milliseconds(30));
    MUST(db_->close());
    EXPECT_EQ(directory_.names(), std::vector<std::string>{"db"});
  }
}

}  // namespace
}  // namespace holdfast
