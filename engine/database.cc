// The public Database: forwards to DatabaseImpl, within at_boundary().
#include "holdfast/database.h"

#include <unistd.h>

#include "engine/base/boundary.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/restore.h"

namespace holdfast {

const char* version() noexcept {
  return "0.1.0";
}

Database::Database(std::unique_ptr<DatabaseImpl> impl) : impl_(std::move(impl)) {}
Database::Database(Database&& other) noexcept = default;
Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    if (impl_ != nullptr) (void)close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}
Database::~Database() {
  if (impl_ != nullptr) (void)close();
}

Result<Database> Database::open(const std::string& path, const Options& options) {
  return at_boundary(
      [&]() -> Result<Database> { return Database(TRY(DatabaseImpl::open(path, options))); });
}

Result<ReadTransaction> Database::begin_read(const ReadOptions& options) {
  return at_boundary([&] { return impl_->begin_read(options); });
}
Result<WriteTransaction> Database::begin_write() {
  return at_boundary([&] { return impl_->begin_write(impl_->options().write_timeout); });
}
Result<WriteTransaction> Database::begin_write(std::chrono::milliseconds timeout) {
  return at_boundary([&] { return impl_->begin_write(timeout); });
}

Result<std::optional<std::string>> Database::get(std::string_view key) {
  return at_boundary([&]() -> Result<std::optional<std::string>> {
    const ReadTransaction reader = TRY(begin_read());
    return reader.get(key);
  });
}

Result<void> Database::put(std::string_view key, std::string_view value) {
  return at_boundary([&]() -> Result<void> {
    WriteTransaction writer = TRY(begin_write());
    TRY(writer.put(key, value));
    TRY(writer.commit());
    return {};
  });
}

Result<bool> Database::erase(std::string_view key) {
  return at_boundary([&]() -> Result<bool> {
    WriteTransaction writer = TRY(begin_write());
    const bool erased = TRY(writer.erase(key));
    TRY(writer.commit());
    return erased;
  });
}

Result<CommitToken> Database::write(const WriteBatch& batch) {
  return at_boundary([&] { return impl_->write(batch, impl_->options().durability); });
}
Result<CommitToken> Database::write(const WriteBatch& batch, Durability durability) {
  return at_boundary([&] { return impl_->write(batch, durability); });
}

Result<void> Database::wait_durable(CommitToken token) {
  return at_boundary([&] { return impl_->wait_durable(token); });
}
Result<void> Database::sync() {
  return at_boundary([&] { return impl_->sync(); });
}
Result<void> Database::checkpoint() {
  return at_boundary([&]() -> Result<void> {
    TRY(impl_->must_be_open());
    return impl_->checkpoint();
  });
}
Result<bool> Database::run_background() {
  return at_boundary([&] { return impl_->run_background(); });
}
Result<std::uint64_t> Database::reclaim(const ProgressFunction& progress) {
  return at_boundary([&] { return impl_->reclaim(progress); });
}
Result<CompactReport> Database::compact(const CompactOptions& options) {
  return at_boundary([&] { return impl_->compact(options); });
}
Result<KeptCheckpoint> Database::keep_checkpoint() {
  return at_boundary([&] { return impl_->keep_checkpoint(); });
}
Result<void> Database::release_checkpoint(std::uint64_t id) {
  return at_boundary([&] { return impl_->release_checkpoint(id); });
}
Result<std::vector<KeptCheckpoint>> Database::kept_checkpoints() const {
  return at_boundary([&]() -> Result<std::vector<KeptCheckpoint>> {
    TRY(impl_->must_be_open());
    return impl_->kept_checkpoints();
  });
}
Result<BackupReport> Database::backup(const std::string& path, const BackupOptions& options) {
  return at_boundary([&] { return impl_->backup(path, options); });
}
Result<BackupReport> Database::backup(const BackupSink& sink, const BackupOptions& options) {
  return at_boundary([&] { return impl_->backup(sink, options); });
}
Result<BackupReport> Database::restore(const std::vector<BackupPart>& parts,
                                       const std::string& path, const RestoreOptions& options) {
  return at_boundary([&] { return restore_parts(parts, path, options); });
}
Result<VerifyReport> Database::verify(const VerifyOptions& options) {
  return at_boundary([&] { return impl_->verify(options); });
}
Stats Database::stats() const noexcept {
  return impl_->stats();
}
const RecoveryReport& Database::recovery() const noexcept {
  return impl_->recovery();
}
const std::string& Database::path() const noexcept {
  return impl_->path();
}
Result<Server> Database::serve(const ServerOptions& options) {
  return at_boundary([&]() -> Result<Server> { return Server(TRY(impl_->serve(options))); });
}
Result<void> Database::close() {
  return at_boundary([&] { return impl_->close(); });
}

Result<ReadTransaction> DatabaseImpl::begin_read(const ReadOptions& options) {
  TRY(must_be_open());
  const std::uint64_t at_least = options.at_least != 0 ? options.at_least : last_returned_.load();
  if (at_least > raw(cache_->newest())) {
    return fail(ErrorCode::kInvalidArgument,
                "no transaction " + std::to_string(at_least) + " has been committed");
  }
  if (at_least > raw(cache_->durable())) {
    if (auto error = poisoned()) return std::unexpected(*error);
  }
  return begin_read_at(TxnNumber{at_least});
}

Result<ReadTransaction> DatabaseImpl::begin_read_at(TxnNumber at_least) {
  thread_local const auto thread = static_cast<std::uint32_t>(::gettid());
  ReaderSlot* const claimed = TRY(cache_->readers().claim());
  SlotClaim slot(cache_->readers(), claimed);
  claimed->since_ms.store(watch_.ticked_ms(), std::memory_order_relaxed);
  claimed->thread.store(thread, std::memory_order_relaxed);
  auto state = std::make_unique<SnapshotState>(*this, *cache_, std::move(slot), at_least);
  return ReadTransaction(std::move(state));
}

Stats DatabaseImpl::stats() const noexcept {
  Stats stats;
  const CacheCounters cache = cache_->counters();
  stats.page_size = cache_->page_size();
  stats.newest_txn = raw(cache_->newest());
  stats.durable_txn = raw(cache_->durable());
  stats.checkpoint_txn = checkpoint_txn_.load();
  stats.pages = ids_.high_water() - 1 - ids_.free_ids();
  stats.commits = commits_.load();
  stats.aborts = aborts_.load();
  stats.checkpoints = checkpoints_.load();
  stats.pages_written = pages_written_.load();
  stats.pages_read = cache.pages_read;
  stats.pages_evicted = cache.pages_evicted;
  stats.pages_parked = cache.pages_parked;
  stats.cache_budget_bytes = options_.cache_bytes;
  stats.cache_frame_bytes = std::uint64_t{cache.frames_in_use} * stats.page_size;
  stats.cache_dirty_bytes = std::uint64_t{cache_->dirty_pages()} * stats.page_size;
  stats.cache_version_bytes =
      cache.held > cache_->dirty_pages()
          ? (cache.held - cache_->dirty_pages()) * std::uint64_t{stats.page_size}
          : 0;
  stats.table_bytes = cache.table_bytes;
  stats.parked_table_bytes = cache.parked_table_bytes;
  stats.transaction_bytes = cache.transaction_bytes;
  stats.snapshots_given_up = cache.given_up;
  stats.parked_bytes = std::uint64_t{cache.parked} * stats.page_size;
  stats.open_snapshots = cache_->open_snapshots();
  stats.oldest_snapshot_txn = stats.open_snapshots == 0 ? 0 : raw(cache_->oldest_snapshot());
  watch_.fill(stats, *cache_);
  stats.free_bytes = slots_->free_slots() * stats.page_size;
  stats.kept_checkpoints = kept_count_.load();
  stats.kept_bytes = slots_->only_kept_slots() * stats.page_size;
  stats.kept_table_bytes = slots_->kept_bytes();
  stats.file_table_bytes = cache.file_table_bytes;
  if (file_ != nullptr) {
    const auto bytes = at_boundary([this] { return file_->size(); });
    stats.file_bytes = bytes.value_or(0);
  }
  if (const LogWriter* log = log_.load()) {
    stats.log_syncs = log->sync_count();
    stats.log_bytes = log->written_bytes();
    stats.log_buffer_bytes = log->buffered_bytes();
    stats.log_file_bytes = log->file_bytes();
  } else {
    stats.log_file_bytes = old_log_bytes_.load();
  }
  stats.memory_bytes = stats.cache_frame_bytes + stats.table_bytes + stats.parked_table_bytes +
                       stats.transaction_bytes + stats.kept_table_bytes + stats.file_table_bytes +
                       stats.log_buffer_bytes;
  return stats;
}

}  // namespace holdfast
