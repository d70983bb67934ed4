// The public transactions and cursors: thin, each call a check of the state and one call of what
// does the work, all of it within at_boundary().
#include "holdfast/transaction.h"

#include <algorithm>

#include "engine/base/boundary.h"
#include "engine/base/limits.h"
#include "engine/base/result.h"
#include "engine/database_impl.h"
#include "engine/transaction_state.h"
#include "engine/tree/estimate.h"
#include "engine/tree/get_many.h"
#include "engine/value_stream.h"

namespace holdfast {

Result<std::optional<std::string>> Reader::get(Tree tree, std::string_view key) const {
  return at_boundary([&]() -> Result<std::optional<std::string>> {
    std::string value;
    if (!TRY(get_into(tree, key, value))) return std::optional<std::string>();
    return std::optional<std::string>(std::move(value));
  });
}

Result<bool> Reader::get_into(Tree tree, std::string_view key, std::string& value) const {
  return at_boundary([&]() -> Result<bool> {
    TRY(state_->usable());
    const TreeRef ref = TRY(state_->resolve(tree));
    return tree_get(state_->source(), ref, key, value);
  });
}

Result<std::vector<std::optional<std::string>>> Reader::get_many(
    Tree tree, std::span<const std::string_view> keys) const {
  return at_boundary([&]() -> Result<std::vector<std::optional<std::string>>> {
    TRY(state_->usable());
    const TreeRef ref = TRY(state_->resolve(tree));
    std::vector<std::optional<std::string>> values(keys.size());
    TRY(tree_get_many(state_->source(), ref, keys, values));
    return values;
  });
}

Result<std::optional<ValueReader>> Reader::open_value(Tree tree, std::string_view key) const {
  return at_boundary([&]() -> Result<std::optional<ValueReader>> {
    TRY(state_->usable());
    const TreeRef ref = TRY(state_->resolve(tree));
    auto found = TRY(tree_find_value(state_->source(), ref, key));
    if (!found) return std::optional<ValueReader>();
    return std::optional<ValueReader>(
        ValueReader(std::make_unique<ValueReadState>(*state_, ref, key, *std::move(found))));
  });
}

Result<bool> Reader::contains(Tree tree, std::string_view key) const {
  return at_boundary([&]() -> Result<bool> {
    TRY(state_->usable());
    const TreeRef ref = TRY(state_->resolve(tree));
    return tree_contains(state_->source(), ref, key);
  });
}

Result<Cursor> Reader::cursor(Tree tree) const {
  return at_boundary([&]() -> Result<Cursor> {
    TRY(state_->usable());
    const TreeRef ref = TRY(state_->resolve(tree));
    return Cursor(std::make_unique<CursorState>(*state_, ref));
  });
}

Result<std::uint64_t> Reader::count(Tree tree) const {
  return at_boundary([&]() -> Result<std::uint64_t> {
    TRY(state_->usable());
    return state_->count(TreeId{tree.id()});
  });
}

Result<RangeEstimate> Reader::estimate(Tree tree, std::optional<std::string_view> from,
                                       std::optional<std::string_view> to) const {
  return at_boundary([&]() -> Result<RangeEstimate> {
    TRY(state_->usable());
    const TreeRef ref = TRY(state_->resolve(tree));
    const std::uint64_t most = TRY(state_->most_records(ref.id));
    const TreeEstimate found = TRY(tree_estimate(state_->source(), ref, from, to));
    const bool whole = !from && !to && !TRY(dying_subtrees(state_->source(), ref.id));
    return RangeEstimate{whole ? most : std::min(found.records, most), found.bytes, found.exact};
  });
}

Result<Tree> Reader::open_tree(std::string_view name) const {
  return at_boundary([&]() -> Result<Tree> {
    TRY(state_->usable());
    const CatalogEntry entry = TRY(catalog_find(state_->source(), name));
    return Tree(raw(entry.tree.id));
  });
}

Result<std::vector<TreeInfo>> Reader::trees() const {
  return at_boundary([&]() -> Result<std::vector<TreeInfo>> {
    TRY(state_->usable());
    std::vector<TreeInfo> trees = TRY(catalog_list(state_->source()));
    for (TreeInfo& tree : trees) {
      const TreeId id{tree.tree.id()};
      const auto records = state_->count(id);
      tree.records_exact = records || records.error().code() != ErrorCode::kDamaged;
      if (!records && tree.records_exact) return std::unexpected(records.error());
      tree.records = records ? *records : TRY(state_->most_records(id));
    }
    return trees;
  });
}

Result<std::vector<TreeInfo>> Reader::list_trees() const {
  return at_boundary([&]() -> Result<std::vector<TreeInfo>> {
    TRY(state_->usable());
    std::vector<TreeInfo> trees = TRY(catalog_list(state_->source()));
    for (TreeInfo& tree : trees) {
      const TreeId id{tree.tree.id()};
      tree.records = TRY(state_->most_records(id));
      tree.records_exact = !TRY(dying_subtrees(state_->source(), id));
    }
    return trees;
  });
}

std::uint64_t Reader::txn() const noexcept {
  return raw(state_->txn());
}

ReadTransaction::ReadTransaction(std::unique_ptr<ReadState> state)
    : Reader(state.get()), owned_(std::move(state)) {}
ReadTransaction::ReadTransaction(ReadTransaction&& other) noexcept = default;
ReadTransaction& ReadTransaction::operator=(ReadTransaction&& other) noexcept = default;
ReadTransaction::~ReadTransaction() = default;

WriteTransaction::WriteTransaction(std::unique_ptr<WriteState> state)
    : Reader(state.get()), owned_(std::move(state)) {}
WriteTransaction::WriteTransaction(WriteTransaction&& other) noexcept = default;
WriteTransaction& WriteTransaction::operator=(WriteTransaction&& other) noexcept = default;
WriteTransaction::~WriteTransaction() = default;

Result<void> WriteTransaction::put(Tree tree, std::string_view key, std::string_view value) {
  return owned_->change([&]() -> Result<void> {
    (void)TRY(owned_->put(tree, key, value, PutMode::kUpsert));
    return {};
  });
}

Result<ValueWriter> WriteTransaction::put_stream(Tree tree, std::string_view key,
                                                 std::optional<std::uint64_t> size) {
  return at_boundary([&]() -> Result<ValueWriter> {
    auto anchor = owned_->anchor();
    return ValueWriter(std::move(anchor), TRY(owned_->begin_stream(tree, key, size)));
  });
}

Result<bool> WriteTransaction::insert(Tree tree, std::string_view key, std::string_view value) {
  return owned_->change([&] { return owned_->put(tree, key, value, PutMode::kInsertOnly); });
}

Result<bool> WriteTransaction::replace(Tree tree, std::string_view key, std::string_view value) {
  return owned_->change([&] { return owned_->put(tree, key, value, PutMode::kReplaceOnly); });
}

Result<bool> WriteTransaction::compare_and_set(Tree tree, std::string_view key,
                                               std::optional<std::string_view> expected,
                                               std::optional<std::string_view> desired) {
  return owned_->change([&] { return owned_->compare_and_set(tree, key, expected, desired); });
}

Result<bool> WriteTransaction::erase(Tree tree, std::string_view key) {
  return owned_->change([&] { return owned_->erase(tree, key); });
}

Result<void> WriteTransaction::erase_range(Tree tree, std::optional<std::string_view> from,
                                           std::optional<std::string_view> to) {
  return owned_->all_or_nothing([&] { return owned_->erase_range(tree, from, to); });
}

Result<void> WriteTransaction::put_many(Tree tree, std::span<const KeyValue> records) {
  return owned_->all_or_nothing([&]() -> Result<void> {
    for (const auto& [key, value] : records)
      (void)TRY(owned_->put(tree, key, value, PutMode::kUpsert));
    return {};
  });
}

Result<std::uint64_t> WriteTransaction::bulk_load(Tree tree, const RecordSource& next,
                                                  unsigned fill_percent) {
  return owned_->all_or_nothing([&] { return owned_->bulk_load(tree, next, fill_percent); });
}

Result<void> WriteTransaction::apply(const WriteBatch& batch) {
  return owned_->all_or_nothing([&]() -> Result<void> {
    WriteBatch::Change change;
    for (std::size_t at = 0; batch.next(at, change);) {
      if (change.is_put) {
        (void)TRY(owned_->put(change.tree, change.key, change.value, PutMode::kUpsert));
      } else {
        (void)TRY(owned_->erase(change.tree, change.key));
      }
    }
    return {};
  });
}

Result<Tree> WriteTransaction::create_tree(std::string_view name) {
  return owned_->change([&]() -> Result<Tree> {
    owned_->view().note_growth();
    const CatalogEntry entry = TRY(catalog_add(owned_->view(), name, owned_->db().next_tree_id()));
    return Tree(raw(entry.tree.id));
  });
}

Result<Tree> WriteTransaction::open_or_create_tree(std::string_view name) {
  return at_boundary([&]() -> Result<Tree> {
    auto found = open_tree(name);
    if (found || found.error().code() != ErrorCode::kNotFound) return found;
    return create_tree(name);
  });
}

Result<void> WriteTransaction::rename_tree(Tree tree, std::string_view name) {
  return owned_->change([&] {
    owned_->view().note_growth();
    return catalog_rename(owned_->view(), TreeId{tree.id()}, name);
  });
}

Result<void> WriteTransaction::drop_tree(Tree tree) {
  return owned_->all_or_nothing([&] { return owned_->drop_tree(tree); });
}

Result<Savepoint> WriteTransaction::savepoint() {
  return at_boundary([&]() -> Result<Savepoint> {
    auto anchor = owned_->anchor();
    return Savepoint(std::move(anchor), TRY(owned_->begin_savepoint()));
  });
}

Result<CommitToken> WriteTransaction::commit() {
  return at_boundary([&] { return commit(owned_->db().options().durability); });
}

Result<CommitToken> WriteTransaction::commit(Durability durability) {
  return at_boundary([&] { return owned_->db().commit(*owned_, durability, true); });
}

Result<CommitToken> WriteTransaction::commit_async() {
  return at_boundary(
      [&] { return owned_->db().commit(*owned_, owned_->db().options().durability, false); });
}

void WriteTransaction::abort() noexcept {
  owned_->abort();
}

Cursor::Cursor(std::unique_ptr<CursorState> state) : state_(std::move(state)) {}
Cursor::Cursor(Cursor&& other) noexcept = default;
Cursor& Cursor::operator=(Cursor&& other) noexcept = default;
Cursor::~Cursor() = default;

Result<bool> Cursor::first() {
  return state_->move([](TreeCursor& cursor) { return cursor.first(); });
}
Result<bool> Cursor::last() {
  return state_->move([](TreeCursor& cursor) { return cursor.last(); });
}
Result<bool> Cursor::seek(std::string_view key) {
  return state_->move([key](TreeCursor& cursor) { return cursor.seek(key); });
}
Result<bool> Cursor::seek_exact(std::string_view key) {
  return state_->move([key](TreeCursor& cursor) { return cursor.seek_exact(key); });
}
Result<bool> Cursor::seek_at_or_before(std::string_view key) {
  return state_->move([key](TreeCursor& cursor) { return cursor.seek_at_or_before(key); });
}
Result<bool> Cursor::next() {
  return state_->move([](TreeCursor& cursor) { return cursor.next(); });
}
Result<bool> Cursor::prev() {
  return state_->move([](TreeCursor& cursor) { return cursor.prev(); });
}
bool Cursor::valid() const noexcept {
  return state_->cursor().valid();
}
std::string_view Cursor::key() const noexcept {
  return state_->cursor().key();
}
Result<std::string_view> Cursor::value() {
  return state_->ask([](TreeCursor& cursor) { return cursor.value(); });
}
Result<std::uint64_t> Cursor::value_size() {
  return state_->ask([](TreeCursor& cursor) { return cursor.value_bytes(); });
}
Result<ValueReader> Cursor::open_value() {
  return state_->ask([this](TreeCursor& cursor) -> Result<ValueReader> {
    FoundValue found = TRY(cursor.find_value());
    return ValueReader(std::make_unique<ValueReadState>(state_->reader(), state_->tree(),
                                                        cursor.key(), std::move(found)));
  });
}

Result<bool> Cursor::erase() {
  return state_->change(
      [](WriteState& writer, Tree tree, std::string_view key) { return writer.erase(tree, key); });
}
Result<bool> Cursor::replace(std::string_view value) {
  return state_->change([value](WriteState& writer, Tree tree, std::string_view key) {
    return writer.put(tree, key, value, PutMode::kReplaceOnly);
  });
}

}  // namespace holdfast
