#include "engine/transaction_state.h"

#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/value_stream.h"

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
  return live_records(*source_, id);
}

Result<std::uint64_t> ReadState::most_records(TreeId id) {
  return TRY(catalog_find(*source_, id)).records;
}

SnapshotState::SnapshotState(DatabaseImpl& db, PageCache& cache, SlotClaim slot, TxnNumber at_least)
    : ReadState(db, view_), view_(cache, std::move(slot), at_least) {
  db.reader_began();
}

SnapshotState::~SnapshotState() {
  db_.reader_ended();
}

Result<void> SnapshotState::usable() const {
  TRY(view_.usable());
  if (txn() <= db_.durable_txn()) return {};
  if (auto error = db_.poisoned()) return std::unexpected(*error);
  return {};
}

Result<void> CursorState::may_change() const {
  if (reader_.as_writer() == nullptr) {
    return fail(ErrorCode::kReadOnly,
                "a cursor of a read transaction changes nothing: take one of a write transaction");
  }
  if (!cursor_.valid()) {
    return fail(ErrorCode::kInvalidArgument, "the cursor stands on no record: seek one first");
  }
  return {};
}

WriteState::WriteState(DatabaseImpl& db, PageCache& cache, SlotClaim slot, IdSpace& ids,
                       TxnNumber number, WriteView::MakeRoom make_room)
    : ReadState(db, view_), view_(cache, std::move(slot), ids, number, std::move(make_room)) {}

WriteState::~WriteState() {
  if (anchor_ != nullptr) *anchor_ = nullptr;
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
  return live_records(*source_, id, pending_records(id));
}

Result<std::uint64_t> WriteState::most_records(TreeId id) {
  return TRY(ReadState::most_records(id)) + static_cast<std::uint64_t>(pending_records(id));
}

// Whatever a change has cut off its tree begins to die with this transaction.
Result<void> WriteState::list_cuts() {
  for (const CutPart& part : view_.take_cuts()) {
    TRY(dying_add(view_, part, txn()));
    db_.cut_off();
  }
  return {};
}

namespace {

// Bytes that a change may move while it reads them are copied first: a cursor's value may lie in
// the very page that is to take it.
class Argument {
 public:
  Argument(const WriteView& view, std::string_view bytes) : bytes_(bytes) {
    if (view.owns(bytes.data())) bytes_ = copy_.assign(bytes);
  }
  Argument(const Argument&) = delete;
  Argument& operator=(const Argument&) = delete;
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  std::string copy_;
  std::string_view bytes_;
};

}  // namespace

Result<bool> WriteState::put(Tree tree, std::string_view key, std::string_view value,
                             PutMode mode) {
  view_.note_growth();
  const TreeRef ref = TRY(resolve(tree));
  const Argument key_here(view_, key);
  const Argument value_here(view_, value);
  TRY(view_.make_room_for_change());
  const PutOutcome outcome = TRY(tree_put(view_, ref, key_here.bytes(), value_here.bytes(), mode));
  note_records(ref.id, outcome.stored && !outcome.existed ? 1 : 0);
  TRY(list_cuts());
  return outcome.stored;
}

Result<bool> WriteState::erase(Tree tree, std::string_view key) {
  const TreeRef ref = TRY(resolve(tree));
  const Argument key_here(view_, key);
  TRY(view_.make_room_for_change());
  const bool erased = TRY(tree_erase(view_, ref, key_here.bytes()));
  note_records(ref.id, erased ? -1 : 0);
  TRY(list_cuts());
  return erased;
}

Result<bool> WriteState::compare_and_set(Tree tree, std::string_view key,
                                         std::optional<std::string_view> expected,
                                         std::optional<std::string_view> desired) {
  const TreeRef ref = TRY(resolve(tree));
  const Argument key_here(view_, key);
  const Argument expected_here(view_, expected.value_or(""));
  const Argument desired_here(view_, desired.value_or(""));
  if (expected) expected = expected_here.bytes();
  if (desired) desired = desired_here.bytes();
  if (desired) view_.note_growth();
  TRY(view_.make_room_for_change());
  const SwapOutcome outcome =
      TRY(tree_compare_and_set(view_, ref, key_here.bytes(), expected, desired));
  if (outcome.matched) note_records(ref.id, (desired ? 1 : 0) - (outcome.existed ? 1 : 0));
  TRY(list_cuts());
  return outcome.matched;
}

Result<void> WriteState::erase_range(Tree tree, std::optional<std::string_view> from,
                                     std::optional<std::string_view> to) {
  const TreeRef ref = TRY(resolve(tree));
  const Argument from_here(view_, from.value_or(""));
  const Argument to_here(view_, to.value_or(""));
  if (to) to = to_here.bytes();
  TRY(view_.make_room_for_change());
  const std::uint64_t erased = TRY(tree_erase_range(view_, ref, from_here.bytes(), to));
  note_records(ref.id, -static_cast<std::int64_t>(erased));
  return list_cuts();
}

Result<void> WriteState::drop_tree(Tree tree) {
  TRY(view_.make_room_for_change());
  const CatalogEntry entry = TRY(catalog_remove(view_, TreeId{tree.id()}));
  TRY(view_.cut({.tree = entry.tree.id, .first = entry.tree.root}));
  TRY(list_cuts());
  records_.erase(entry.tree.id);
  trees_changed();
  return {};
}

Result<void> WriteState::settle() {
  while (!savepoints_.empty()) {
    view_.release_savepoint();
    savepoints_.pop_back();
  }
  TRY(view_.make_room_for_change());
  for (const auto& [id, change] : records_) {
    if (change != 0) TRY(catalog_add_records(view_, id, change));
  }
  records_.clear();
  return {};
}

void WriteState::end() noexcept {
  if (ended_) return;
  ended_ = true;
  streams_.clear();
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
