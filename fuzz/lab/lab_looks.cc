// The ops that only look: what readers and the writer see, what verify() says, and whether anything
// leaks.
#include <algorithm>

#include "engine/file/meta_format.h"
#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {

void LabDatabase::compare_newest() {
  auto reader = db_->begin_read();
  if (!reader) return (void)excused(reader.error(), "begin_read()");
  const std::uint64_t txn = reader->txn();
  if (txn < returned_ || txn > model_.newest()) {
    return fail("a new reader sees state " + std::to_string(txn) + " after commit " +
                std::to_string(returned_));
  }
  if (txn == model_.newest() && !writer_) {
    compare_with(*reader, model_.trees(), "state " + std::to_string(txn));
  } else {
    compare_with(*reader, model_.as_of(txn), "state " + std::to_string(txn));
  }
}

void LabDatabase::compare_writer() {
  if (writer_) compare_with(*writer_, model_.trees(), "the writer's view");
}

void LabDatabase::get(const Op& op) {
  const auto records = model_.trees().find(tree_name(op.tree));
  if (op.tree != 0 && (!writer_ || records == model_.trees().end())) return;
  const std::string key = shape_.key(op.key % shape_.key_count);
  if (!writer_) {
    // Without a writer the newest state is what a plain get() shows.
    const auto got = db_->get(key);
    if (!got) return (void)excused(got.error(), "get()");
    ++counters_.records;
    const auto want = records->second.find(key);
    if (got->has_value() != (want != records->second.end()) ||
        (got->has_value() && **got != want->second)) {
      fail("get() of " + show_bytes(key) + " is wrong");
    }
    return;
  }
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  const auto got = writer_->get(*tree, key);
  if (!got) return (void)refused_change(got.error(), "the writer's get()");
  ++counters_.records;
  const auto want = records->second.find(key);
  if (got->has_value() != (want != records->second.end()) ||
      (got->has_value() && **got != want->second)) {
    fail("the writer's get() of " + show_bytes(key) + " is wrong");
  }
}

void LabDatabase::verify(bool copies_too) {
  const auto report = db_->verify();
  if (!report) return (void)excused(report.error(), "verify()");
  for (const Finding& finding : report->findings) {
    // A crash may leave one copy of a meta torn; the next write mends it.
    if (finding.code == "meta_copy" && !copies_too) continue;
    if (finding.code == "page_lost" && may_leak_) continue;
    if (weather_ >= Weather::kAstray || harm_ != Harm::kNone || disk_.crashed()) continue;
    return fail("verify() finds " + finding.code + ": " + finding.detail + " (" + finding.file +
                (finding.offset ? ", offset " + std::to_string(*finding.offset) : "") +
                (finding.page ? ", page " + std::to_string(*finding.page) : "") + ")");
  }
  if (settled_) judge_leaks(*report);
}

// With nothing open and nothing left to write, what isn't named is free, and nothing is held.
void LabDatabase::judge_leaks(const VerifyReport& report) {
  if (may_leak_ || (weather_ != Weather::kFair && !bad_slots_)) return;
  if (harm_ != Harm::kNone || disk_.crashed()) return;
  const Stats stats = db_->stats();
  if (stats.file_bytes == 0) return;  // Nobody can say how large it is.
  const auto differ = [&](const char* what, std::uint64_t is, std::uint64_t should_be) {
    if (is == should_be) return;
    fail(std::string("something leaks: ") + what + ": " + std::to_string(is) + " where " +
         std::to_string(should_be) + " are needed");
  };
  const std::uint64_t slots = (stats.file_bytes - kHeaderRegionBytes) / stats.page_size;
  // An opening doesn't find ids that were used, and freed, between two checkpoints. It loses no
  // more.
  const std::uint64_t lost = stats.pages - std::min(stats.pages, report.pages_checked);
  if (!lost_ids_) lost_ids_ = db_->recovery().created ? 0 : lost;
  differ("page ids in use", stats.pages, report.pages_checked + std::min(lost, *lost_ids_));
  // A slot whose write failed is left alone; and all of them where a kept map could not be read.
  const std::uint64_t used = slots - report.slots_free;
  const std::uint64_t named = report.pages_checked + report.map_pages_checked + report.kept_slots;
  const bool unread = !kept_.empty() && weather_ != Weather::kFair;
  const std::uint64_t most = unread ? slots : named + bad_slots_.value_or(0);
  differ("slots in use", used, std::clamp(used, named, std::max(named, most)));
  differ("bytes of changes in memory", stats.cache_dirty_bytes + stats.cache_version_bytes, 0);
}

void LabDatabase::intrude() {
  Options other = options(OpenMode::kReadWrite);
  other.arena = {};
  auto opened = Database::open(kPath, other);
  if (opened) return fail("the database was opened once more");
  if (opened.error().code() != ErrorCode::kBusy) (void)excused(opened.error(), "open() once more");
}

}  // namespace holdfast
