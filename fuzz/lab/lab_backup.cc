// The op that backs up: the newest state or a kept one, whole or as an increment, to a sink or to a
// file, restores that, and compares all that is in it with what the model says of that state.
#include <algorithm>
#include <utility>

#include "engine/file/backup_format.h"
#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

constexpr const char* kRestored = "restored";
constexpr std::size_t kChainMost = 4;

BackupPart part_of(std::shared_ptr<const std::string> bytes) {
  return {"stream",
          [bytes = std::move(bytes), at = std::size_t{0}](std::span<char> buffer) mutable {
            const std::size_t n = std::min(buffer.size(), bytes->size() - at);
            std::copy_n(bytes->data() + at, n, buffer.data());
            at += n;
            return Result<std::size_t>(n);
          }};
}

}  // namespace

// By `count`: 0 the sink fails, 1 others write meanwhile, 2 the bytes are cut or changed, 3 a part
// is left out or comes twice, 4 to a file; else nothing special. By `key` what, by `bytes` since
// when.
void LabDatabase::backup(const Op& op) {
  beside_.reset();                 // Else it would be anybody's guess which state is the newest.
  if (!remove_restored()) return;  // The one before, which could come back.
  Chain chain;
  BackupOptions options;
  const std::uint32_t which = op.key % (2 * static_cast<std::uint32_t>(kept_.size()) + 1);
  std::uint64_t txn = model_.newest();
  State expected;
  if (which < kept_.size()) {
    options.checkpoint = kept_[which].id;
    txn = kept_[which].txn;
    const auto known = kept_states_.find(options.checkpoint);
    if (known != kept_states_.end()) expected = known->second;
  } else {
    expected = std::make_shared<const Model::Trees>(model_.as_of(txn));
  }
  if (op.bytes % 4 != 0 && op.count != 4) chain = choose_base(op, options);
  if (!usable()) return;
  if (op.count == 4) return back_up_to_file(options, txn, expected);
  const auto bytes = back_up(op, options, txn);
  if (!bytes || !usable()) return;
  chain.push_back(bytes);
  if (op.count == 2) return restore_broken(op, chain);
  const auto empty = [](const auto& part) {
    return part->size() == kStreamHeadBytes + kPieceHeadBytes + kStreamEndBytes;
  };
  if (op.count == 3 && chain.size() > 1) {
    // Where nothing had changed nothing tells how often that was put in.
    if (std::ranges::any_of(chain, empty)) return;
    if (op.key % 2 == 0) {
      chain.push_back(chain.back());
    } else {
      chain.erase(chain.begin() + op.key % (static_cast<std::ptrdiff_t>(chain.size()) - 1));
    }
    return restore_refused(chain, ErrorCode::kInvalidArgument, "with a part too few or too many");
  }
  restored_state_ = expected;
  if (!restore(chain)) return;
  judge_restored(txn);
  if (options.checkpoint != 0 && !failure_) chains_[options.checkpoint] = chain;
}

// A kept checkpoint that is older than what `options` copy, and what makes that up; where nothing
// does yet, it is backed up first.
LabDatabase::Chain LabDatabase::choose_base(const Op& op, BackupOptions& options) {
  std::vector<KeptCheckpoint> older;
  for (const KeptCheckpoint& each : kept_) {
    if (options.checkpoint == 0 || each.id < options.checkpoint) older.push_back(each);
  }
  if (older.empty()) return {};
  const KeptCheckpoint base = older[op.bytes / 4 % older.size()];
  if (!chains_.contains(base.id)) {
    BackupOptions whole;
    whole.checkpoint = base.id;
    const auto bytes = back_up({.kind = Kind::kBackup, .count = 7}, whole, base.txn);
    if (!bytes) return {};
    chains_[base.id] = {bytes};
  }
  if (chains_[base.id].size() >= kChainMost) return {};
  options.since = base.id;
  return chains_[base.id];
}

// The stream; nothing where there is none, which has been judged.
std::shared_ptr<const std::string> LabDatabase::back_up(const Op& op, const BackupOptions& options,
                                                        std::uint64_t txn) {
  auto bytes = std::make_shared<std::string>();
  std::uint32_t calls = 0;
  const std::uint32_t failing = 1 + op.key % 3;
  const BackupSink sink = [&](std::string_view more) -> Result<void> {
    ++calls;
    if (op.count == 0 && calls == failing)
      return std::unexpected(Error(ErrorCode::kTimedOut, "the sink's own"));
    bytes->append(more);
    if (op.count == 1 && calls == 1 && !writer_) {
      for (int i = 0; i < 2; ++i) {
        apply({.kind = Kind::kPutRun, .count = 8, .key = op.key + 5U * i, .bytes = 300});
        apply({.kind = Kind::kCommitSync});
        if (usable()) checkpoint();
        settled_ = false;  // What the backup reads is still needed.
      }
    }
    return {};
  };
  const auto report = db_->backup(sink, options);
  if (usable()) copies_whole_ = copies_whole_ || (report && options.checkpoint == 0);
  if (!report) {
    if (report.error().code() == ErrorCode::kTimedOut && op.count == 0) return nullptr;
    if (report.error().code() == ErrorCode::kLimitExceeded)
      ++counters_.limits;
    else
      (void)excused(report.error(), "backup()");
    return nullptr;
  }
  if (op.count == 0 && calls >= failing) fail("backup() doesn't hear that its sink failed");
  judge_report(*report, txn, "backup()");
  if (!report->sound()) return nullptr;  // What it lacks the model doesn't say.
  return bytes;
}

void LabDatabase::judge_report(const BackupReport& report, std::uint64_t txn, const char* what) {
  if (disk_.crashed()) return;  // What couldn't be read then counts as damaged.
  if (report.txn != txn) {
    fail(std::string(what) + " answers transaction " + std::to_string(report.txn) + ", not " +
         std::to_string(txn));
  }
  if (!report.sound() && weather_ < Weather::kAstray && harm_ == Harm::kNone && !lied_to_) {
    fail(std::string(what) + " finds damage: " + report.findings.front().code + ": " +
         report.findings.front().detail);
  }
}

void LabDatabase::back_up_to_file(const BackupOptions& options, std::uint64_t txn,
                                  const State& expected) {
  restored_state_ = expected;
  const auto report = db_->backup(kRestored, options);
  if (usable()) copies_whole_ = copies_whole_ || (report && options.checkpoint == 0);
  if (!report) {
    if (report.error().code() == ErrorCode::kLimitExceeded)
      ++counters_.limits;
    else
      (void)excused(report.error(), "backup() to a file");
    return expect_none("backup() to a file");
  }
  judge_report(*report, txn, "backup() to a file");
  if (report->sound()) return judge_restored(txn);
  restored_state_ = nullptr;
  judge_restored({});
}

bool LabDatabase::restore(const Chain& chain) {
  std::vector<BackupPart> parts;
  for (const auto& bytes : chain) parts.push_back(part_of(bytes));
  RestoreOptions options;
  options.environment = &environment_;
  const auto report = Database::restore(parts, kRestored, options);
  if (report) {
    if (!report->sound()) fail("restore() finds damage that backup() hadn't");
    return true;
  }
  (void)excused(report.error(), "restore()");
  expect_none("restore()");
  return false;
}

void LabDatabase::restore_refused(const Chain& chain, ErrorCode code, const char* what) {
  std::vector<BackupPart> parts;
  for (const auto& bytes : chain) parts.push_back(part_of(bytes));
  RestoreOptions options;
  options.environment = &environment_;
  restored_state_ = nullptr;
  const auto report = Database::restore(parts, kRestored, options);
  if (report) return fail(std::string("restore() ") + what + " says that all is well");
  if (report.error().code() != code) (void)excused(report.error(), "restore()");
  expect_none("restore()");
}

// A byte of one of them is another, or it ends early, or too late.
void LabDatabase::restore_broken(const Op& op, Chain chain) {
  auto& part = chain[op.key % chain.size()];
  std::string bytes = *part;
  const std::size_t at = (std::size_t{op.key} * 7919 + op.bytes * 31) % bytes.size();
  if (op.key % 3 == 0 && at >= 8) {
    bytes.resize(at);
  } else if (op.key % 3 == 1) {
    bytes += bytes.substr(at);
  } else {
    bytes[std::max<std::size_t>(at, 8)] ^= 1;
  }
  part = std::make_shared<const std::string>(std::move(bytes));
  restore_refused(chain, ErrorCode::kDamaged, "of broken bytes");
}

bool LabDatabase::restored_is_there() const {
  if (disk_.cached_bytes(kRestored).empty()) return false;
  const auto paths = disk_.paths();
  return std::ranges::find(paths, kRestored) != paths.end();
}

// But a rename that failed may have been done: then it is whole.
void LabDatabase::expect_none(const char* what) {
  if (disk_.crashed() || !restored_is_there()) return;
  if (weather_ != Weather::kFaulty || !restored_state_)
    return fail(std::string(what) + " failed and left a file");
  judge_restored({});
}

// What was restored last, or what a crash left of that: whole, or not there.
void LabDatabase::judge_restored(std::optional<std::uint64_t> txn) {
  if (disk_.crashed() || !restored_is_there()) return;
  Options other = options(OpenMode::kReadOnly);
  other.arena = copy_arena_.bytes();
  other.cache_bytes = kCopyCache;
  auto opened = Database::open(kRestored, other);
  if (!opened) {
    (void)excused(opened.error(), "open() of what was restored");
  } else {
    if (txn && opened->stats().newest_txn != *txn) fail("what was restored is another state");
    auto reader = opened->begin_read();
    if (!reader) {
      (void)excused(reader.error(), "begin_read() of what was restored");
    } else if (restored_state_) {
      compare_with(*reader, *restored_state_, "what was restored");
      const auto report = opened->verify();
      const bool doubt = weather_ >= Weather::kAstray || harm_ != Harm::kNone || lied_to_;
      if (report && !report->sound() && !doubt)
        fail("verify() of what was restored finds " + report->findings.front().code);
    }
  }
  opened = std::unexpected(Error::standing(ErrorCode::kInternal));  // Closes it.
  removed_ = false;
  (void)remove_restored();  // Else the next opening finds it again.
}

// For good.
bool LabDatabase::remove_restored() {
  if (removed_) return true;
  if (restored_is_there() && !disk_.remove(kRestored)) return false;
  removed_ = disk_.sync_directory(".").has_value();
  return removed_;
}

}  // namespace holdfast
