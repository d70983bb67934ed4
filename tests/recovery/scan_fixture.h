// Logs to recover: written by the real writer on a disk that crashes, read by the real scan.
#pragma once

#include "recovery/redo.h"
#include "recovery/scan.h"
#include "tests/wal/log_fixture.h"

namespace holdfast::testing {

inline constexpr const char* kFirst = "dir/db.log-1-1";

// One transaction, synced.
inline void commit(LogWriter& log, std::uint64_t txn, std::size_t filler = 0,
                   std::uint32_t batches = 1) {
  ASSERT_TRUE(put(log, txn, filler, batches).has_value());
  ASSERT_TRUE(log.sync_through(TxnNumber{txn}).has_value());
}

inline void commit_os(LogWriter& log, std::uint64_t txn, std::size_t filler = 0,
                      std::uint32_t batches = 1) {
  ASSERT_TRUE(put(log, txn, filler, batches).has_value());
  ASSERT_TRUE(log.write_through(TxnNumber{txn}).has_value());
}

inline void zero(CrashStorage& storage, const std::string& path, std::size_t from,
                 std::size_t bytes) {
  std::fill_n(storage.bytes(path).begin() + static_cast<std::ptrdiff_t>(from), bytes, std::byte{0});
}

inline LogStart start_of(const LogWriter& log, const LogPosition& at = {}) {
  return {log.first_segment(), at, log.first_segment().epoch, log.first_segment()};
}

inline Result<LogOutcome> recover(CrashStorage& storage, const LogStart& start) {
  LogFiles files = TRY(LogFiles::open(storage, "dir/db", test_uuid(), true));
  TRY(files.sync());
  return scan_log(files, start);
}

// What redo hands over, as the numbers that payload_of() put there.
class Collector final : public RedoTarget {
 public:
  Result<std::span<std::byte>> base(PageId) override { return std::span(page_); }
  Result<std::span<std::byte>> blank(PageId) override {
    std::ranges::fill(page_, std::byte{0});
    return std::span(page_);
  }
  Result<void> place(PageId, Slot, std::uint64_t, TxnNumber) override { return {}; }
  Result<void> free(PageId, std::uint32_t count, TxnNumber txn) override {
    EXPECT_EQ(count, raw(txn));
    ++batches;
    return {};
  }
  Result<void> lose(PageId, const Error& why) override { return std::unexpected(why); }
  bool is_lost(PageId) const override { return false; }
  Result<void> committed(const LogPlace& at) override {
    txns.push_back(raw(at.end.txn));
    last = at;
    return {};
  }
  std::vector<std::uint64_t> txns;
  std::uint64_t batches = 0;
  LogPlace last;

 private:
  std::vector<std::byte> page_ = std::vector<std::byte>(4096);
};

// The transactions that redo applies: always first, first + 1, ….
inline std::vector<std::uint64_t> redo_all(CrashStorage& storage, const LogOutcome& outcome) {
  auto files = LogFiles::open(storage, "dir/db", test_uuid(), false);
  EXPECT_TRUE(files.has_value());
  Collector collector;
  const auto done = redo_log(*files, outcome, collector);
  EXPECT_TRUE(done.has_value()) << done.error().to_string();
  for (std::size_t i = 1; i < collector.txns.size(); ++i) {
    EXPECT_EQ(collector.txns[i], collector.txns[i - 1] + 1);
  }
  EXPECT_EQ(collector.txns.size(), outcome.groups);
  if (!collector.txns.empty()) {
    EXPECT_EQ(collector.txns.back(), raw(outcome.end.txn));
  }
  return collector.txns;
}

}  // namespace holdfast::testing
