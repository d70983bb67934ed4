#include "server/reports.h"

#include <array>
#include <cmath>
#include <limits>

namespace holdfast::wire {
namespace {

struct Counter {
  const char* name;
  std::uint64_t value;
  bool of_opening;
};

void add_counters(Item& item, std::span<const Counter> counters, bool of_opening) {
  for (const Counter& counter : counters) {
    if (of_opening || !counter.of_opening) item.number(counter.name, counter.value);
  }
}

// A counter that isn't named below would be missing from every report.
static_assert(sizeof(Stats) == 504, "Stats has changed: name what is new in database_item()");

std::optional<std::uint32_t> narrow(const std::optional<std::uint64_t>& number) {
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::uint64_t micros_of(double seconds) {
  return static_cast<std::uint64_t>(std::llround(seconds * 1e6));
}
double seconds_of(std::uint64_t micros) {
  return static_cast<double>(micros) / 1e6;
}

}  // namespace

Item database_item(const std::string& file, const Stats& stats, const RecoveryReport& recovery,
                   bool of_opening) {
  Item item{ItemKind::kDatabase, {}};
  item.text("file", file);
  const std::array database = {
      Counter{"page_size", stats.page_size, false},
      Counter{"newest_txn", stats.newest_txn, false},
      Counter{"durable_txn", stats.durable_txn, false},
      Counter{"checkpoint_txn", stats.checkpoint_txn, false},
      Counter{"pages", stats.pages, false},
      Counter{"file_bytes", stats.file_bytes, false},
      Counter{"free_bytes", stats.free_bytes, false},
      Counter{"kept_checkpoints", stats.kept_checkpoints, false},
      Counter{"kept_bytes", stats.kept_bytes, false},
      Counter{"parked_bytes", stats.parked_bytes, true},
      Counter{"log_file_bytes", stats.log_file_bytes, false},
      Counter{"cache_budget_bytes", stats.cache_budget_bytes, false},
      Counter{"cache_frame_bytes", stats.cache_frame_bytes, false},
      Counter{"cache_dirty_bytes", stats.cache_dirty_bytes, true},
      Counter{"cache_version_bytes", stats.cache_version_bytes, true},
      Counter{"table_bytes", stats.table_bytes, false},
      Counter{"parked_table_bytes", stats.parked_table_bytes, true},
      Counter{"kept_table_bytes", stats.kept_table_bytes, true},
      Counter{"file_table_bytes", stats.file_table_bytes, true},
      Counter{"transaction_bytes", stats.transaction_bytes, true},
      Counter{"log_buffer_bytes", stats.log_buffer_bytes, true},
      Counter{"memory_bytes", stats.memory_bytes, true},
      Counter{"commits", stats.commits, true},
      Counter{"aborts", stats.aborts, true},
      Counter{"checkpoints", stats.checkpoints, true},
      Counter{"checkpoints_failed", stats.checkpoints_failed, true},
      Counter{"last_checkpoint_us", stats.last_checkpoint_us, true},
      Counter{"longest_checkpoint_us", stats.longest_checkpoint_us, true},
      Counter{"pages_read", stats.pages_read, true},
      Counter{"pages_written", stats.pages_written, true},
      Counter{"pages_evicted", stats.pages_evicted, true},
      Counter{"pages_parked", stats.pages_parked, true},
      Counter{"open_snapshots", stats.open_snapshots, true},
      Counter{"snapshots_given_up", stats.snapshots_given_up, true},
      Counter{"oldest_snapshot_txn", stats.oldest_snapshot_txn, true},
      Counter{"oldest_snapshot_age_ms", stats.oldest_snapshot_age_ms, true},
      Counter{"oldest_snapshot_thread", stats.oldest_snapshot_thread, true},
      Counter{"log_bytes", stats.log_bytes, true},
      Counter{"log_syncs", stats.log_syncs, true},
  };
  add_counters(item, database, of_opening);
  if (of_opening) {
    for (const std::uint64_t count : stats.log_sync_times.counts)
      item.number("log_sync_times", count);
  }
  item.text("log_end", log_end_name(recovery.log_end));
  item.number("generation", recovery.generation);
  item.number("transactions_replayed", recovery.transactions_replayed);
  return item;
}

Item tree_item(const TreeInfo& tree) {
  Item item{ItemKind::kTree, {}};
  item.text("name", tree.name);
  item.number("id", tree.tree.id());
  item.number("records", tree.records);
  item.number("records_exact", tree.records_exact ? 1 : 0);
  return item;
}

TreeInfo tree_of(const Item& item) {
  return TreeInfo{item.text_of("name"), Tree(static_cast<std::uint32_t>(item.number_of("id"))),
                  item.number_of("records"), item.number_of("records_exact") != 0};
}

Item finding_item(const Finding& finding) {
  Item item{ItemKind::kFinding, {}};
  item.text("code", finding.code);
  item.text("detail", finding.detail);
  item.text("file", finding.file);
  item.maybe("offset", finding.offset);
  item.maybe("page", finding.page);
  item.maybe("tree", finding.tree);
  item.maybe("transaction", finding.txn);
  return item;
}

Finding finding_of(const Item& item) {
  return Finding{item.text_of("code"),          item.text_of("detail"),
                 item.text_of("file"),          item.maybe_of("offset"),
                 narrow(item.maybe_of("page")), narrow(item.maybe_of("tree")),
                 item.maybe_of("transaction")};
}

Item checked_tree_item(const TreeSummary& tree) {
  Item item{ItemKind::kTree, {}};
  item.text("name", tree.name);
  item.number("id", tree.id);
  item.number("records", tree.records);
  item.number("pages", tree.pages);
  item.number("overflow_pages", tree.overflow_pages);
  item.number("height", tree.height);
  item.number("bytes_used", tree.bytes_used);
  return item;
}

TreeSummary checked_tree_of(const Item& item) {
  TreeSummary tree;
  tree.name = item.text_of("name");
  tree.id = static_cast<std::uint32_t>(item.number_of("id"));
  tree.records = item.number_of("records");
  tree.pages = item.number_of("pages");
  tree.overflow_pages = item.number_of("overflow_pages");
  tree.height = static_cast<std::uint32_t>(item.number_of("height"));
  tree.bytes_used = item.number_of("bytes_used");
  return tree;
}

Item summary_item(const VerifyReport& report) {
  Item item{ItemKind::kSummary, {}};
  item.number("findings", report.findings_total);
  item.number("pages", report.pages_checked);
  item.number("map_pages", report.map_pages_checked);
  item.number("kept_pages", report.kept_pages_checked);
  item.number("kept_slots", report.kept_slots);
  item.number("slots_free", report.slots_free);
  item.number("log_bytes", report.log_bytes_checked);
  item.number("records", report.records);
  item.number("dying_pages", report.dying_pages);
  item.number("us", micros_of(report.seconds));
  return item;
}

void read_summary(const Item& item, VerifyReport& report) {
  report.findings_total = item.number_of("findings");
  report.pages_checked = item.number_of("pages");
  report.map_pages_checked = item.number_of("map_pages");
  report.kept_pages_checked = item.number_of("kept_pages");
  report.kept_slots = item.number_of("kept_slots");
  report.slots_free = item.number_of("slots_free");
  report.log_bytes_checked = item.number_of("log_bytes");
  report.records = item.number_of("records");
  report.dying_pages = item.number_of("dying_pages");
  report.seconds = seconds_of(item.number_of("us"));
}

Item backup_item(const BackupReport& report) {
  Item item{ItemKind::kSummary, {}};
  item.number("findings", report.findings_total);
  item.number("transaction", report.txn);
  item.number("pages", report.pages);
  item.number("bytes", report.bytes);
  item.number("us", micros_of(report.seconds));
  return item;
}

void read_backup(const Item& item, BackupReport& report) {
  report.findings_total = item.number_of("findings");
  report.txn = item.number_of("transaction");
  report.pages = item.number_of("pages");
  report.bytes = item.number_of("bytes");
  report.seconds = seconds_of(item.number_of("us"));
}

Item kept_item(const KeptCheckpoint& kept) {
  Item item{ItemKind::kKept, {}};
  item.number("checkpoint", kept.id);
  item.number("transaction", kept.txn);
  item.number("pages", kept.pages);
  item.number("kept_at_us", kept.kept_at_us);
  return item;
}

KeptCheckpoint kept_of(const Item& item) {
  return {item.number_of("checkpoint"), item.number_of("transaction"), item.number_of("pages"),
          item.number_of("kept_at_us")};
}

Item error_item(const Error& error) {
  Item item{ItemKind::kError, {}};
  item.number("code", static_cast<std::uint16_t>(error.code()));
  item.text("message", error.message());
  const ErrorPlace& place = error.place();
  if (!place.file.empty()) item.text("file", place.file);
  item.maybe("offset", place.offset);
  item.maybe("page", place.page);
  item.maybe("tree", place.tree);
  item.maybe("transaction", place.txn);
  return item;
}

// A code of a later version is one that this one doesn't know; the sentence still is good.
Error error_of(const Item& item) {
  const std::uint64_t code = item.number_of("code");
  const bool known = code >= 1 && code <= static_cast<std::uint64_t>(ErrorCode::kInternal);
  return Error(known ? static_cast<ErrorCode>(code) : ErrorCode::kIo, item.text_of("message"),
               {.file = item.text_of("file"),
                .offset = item.maybe_of("offset"),
                .page = narrow(item.maybe_of("page")),
                .tree = narrow(item.maybe_of("tree")),
                .txn = item.maybe_of("transaction")});
}

}  // namespace holdfast::wire
