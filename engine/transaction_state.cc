#include "engine/transaction_state.h"

#include "engine/base/result.h"
#include "engine/database_impl.h"

namespace holdfast {
namespace {

// The default tree's root is the second page of every database.
constexpr TreeRef kDefaultRef{kDefaultTree, PageId{2}};

}  // namespace

Result<TreeRef> ReadState::resolve(Tree tree) {
  if (tree == Tree{}) return kDefaultRef;
  for (const TreeRef& known : resolved_) {
    if (raw(known.id) == tree.id()) return known;
  }
  const CatalogEntry entry = TRY(catalog_find(*source_, TreeId{tree.id()}));
  resolved_.push_back(entry.tree);
  return entry.tree;
}

Result<std::uint64_t> ReadState::count(TreeId id) {
  const CatalogEntry entry = TRY(catalog_find(*source_, id));
  return entry.records;
}

SnapshotState::SnapshotState(DatabaseImpl& db, PageCache& cache, SlotClaim slot, TxnNumber at_least)
    : ReadState(db, view_), view_(cache, std::move(slot), at_least) {
  db.reader_began();
}

SnapshotState::~SnapshotState() {
  db_.reader_ended();
}

Result<void> SnapshotState::usable() const {
  if (txn() <= db_.durable_txn()) return {};
  if (auto error = db_.poisoned()) return std::unexpected(*error);
  return {};
}

WriteState::WriteState(DatabaseImpl& db, PageCache& cache, SlotClaim slot, IdSpace& ids,
                       TxnNumber number, std::function<Result<void>()> make_room)
    : ReadState(db, view_), view_(cache, std::move(slot), ids, number, std::move(make_room)) {}

WriteState::~WriteState() {
  abort();
}

void WriteState::abort() noexcept {
  if (!ended_) db_.writer_aborted();
  end();
}

Result<void> WriteState::usable() const {
  if (ended_) return fail(ErrorCode::kInvalidArgument, "the transaction has ended");
  if (doomed_) return std::unexpected(*doomed_);
  if (auto error = db_.poisoned()) return std::unexpected(*error);
  return {};
}

Result<std::uint64_t> WriteState::count(TreeId id) {
  const std::uint64_t committed = TRY(ReadState::count(id));
  auto found = records_.find(id);
  return found == records_.end() ? committed
                                 : committed + static_cast<std::uint64_t>(found->second);
}

Result<void> WriteState::settle_records() {
  for (const auto& [id, change] : records_) {
    if (change != 0) TRY(catalog_add_records(view_, id, change));
  }
  records_.clear();
  return {};
}

void WriteState::end() noexcept {
  if (ended_) return;
  ended_ = true;
  view_.end();
  db_.writer_ended();
}

bool WriteState::dooms(const Error& error) const noexcept {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
      return false;
    // Only what was refused before anything changed carries no txn: the limits of keys and values.
    case ErrorCode::kLimitExceeded:
      return error.place().txn.has_value();
    default:
      return true;
  }
}

}  // namespace holdfast
