// What another thread does while this one waits: a commit in the middle of a sync of the log, which
// that sync doesn't cover. A loss of power then may keep the one without the other, in any part. Or
// many in the middle of a reader's read of a page: what it was to find may be gone by then.
#include <algorithm>
#include <utility>

#include "fuzz/lab/history.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

// A small transaction, so that nothing makes it wait for the sync, whose thread it has.
constexpr std::uint32_t kKeysMost = 8, kBytesMost = 600;

}  // namespace

// Whether a small commit now goes through without a checkpoint: that would wait for the sync.
bool LabDatabase::may_commit_beside() const {
  const Stats stats = db_->stats();
  const std::uint64_t frames_bytes =
      shape_.frames != 0 ? std::uint64_t{shape_.frames} * stats.page_size : shape_.cache_bytes;
  const bool roomy = (stats.cache_dirty_bytes + stats.cache_version_bytes) * 16 < frames_bytes;
  const std::uint64_t group_bytes = std::uint64_t{64} << 10;
  // Where there is no room a checkpoint is to make some.
  return roomy && weather_ != Weather::kFull && !disk_.may_refuse_room() &&
         stats.log_file_bytes + group_bytes < 4 * shape_.checkpoint_log_bytes;
}

// The disk calls it from every sync. Nothing of the engine is locked while a log is synced; whoever
// writes holds what another writer needs, so that there is nothing to do before it has published.
void LabDatabase::during_sync(const std::string& path) {
  if (!beside_ || !db_ || !usable()) return;
  if (!is_log(path) || path.find(".log-tmp-") != path.npos) return;
  if (!may_commit_beside()) return;
  const Op op = *std::exchange(beside_, {});
  auto begun = db_->begin_write(std::chrono::milliseconds(0));
  if (!begun) {
    if (begun.error().code() != ErrorCode::kTimedOut) (void)excused(begun.error(), "begin_write()");
    return;
  }
  say("meanwhile: " + to_string(op));
  WriteTransaction writer = *std::move(begun);
  const std::uint64_t txn = writer.txn();
  while (model_.newest() + 1 < txn) model_.commit();  // What is being synced.
  if (!put_beside(writer, op)) return model_.abort();
  auto token = op.bytes % 3 == 0   ? writer.commit(Durability::kLazy)
               : op.bytes % 3 == 1 ? writer.commit(Durability::kOs)
                                   : writer.commit_async();
  committed(op.bytes % 3 == 1 ? Op::Kind::kCommitOs : Op::Kind::kCommitLazy, txn, token);
  note_background();  // Whoever commits may help with what is to be freed.
}

void LabDatabase::meanwhile(std::uint64_t reads, std::vector<Op> ops) {
  reads_left_ = reads;
  meanwhile_ = std::move(ops);
}

void LabDatabase::during_read(const std::string& path) {
  if (reads_left_ == 0 || path != kPath || --reads_left_ != 0 || writer_) return;
  say("meanwhile:");
  for (const Op& op : meanwhile_) apply(op);
}

bool LabDatabase::put_beside(WriteTransaction& writer, const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!model_.trees().contains(name)) return false;
  const auto legal = [&](const Error& error) {
    if (error.code() != ErrorCode::kLimitExceeded) return (void)excused(error, "put()");
    ++counters_.limits;
  };
  Tree tree{};
  if (op.tree != 0) {
    const auto found = writer.open_tree(name);
    if (!found) return legal(found.error()), false;
    tree = *found;
  }
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(op.count, kKeysMost); ++i) {
    const std::string key = shape_.key((op.key + i) % shape_.key_count);
    const std::string value = value_of(op.bytes % kBytesMost, ++stamp_);
    if (auto done = writer.put(tree, key, value); !done) return legal(done.error()), false;
    model_.put(name, key, value);
    ++counters_.records;
  }
  return true;
}

}  // namespace holdfast
