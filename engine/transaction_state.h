// What lies behind the public transactions and cursors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/base/boundary.h"
#include "engine/tree/cursor.h"
#include "engine/txn/catalog.h"
#include "engine/txn/dying.h"
#include "engine/txn/snapshot_view.h"
#include "engine/txn/write_view.h"
#include "holdfast/transaction.h"

namespace holdfast {

class DatabaseImpl;
class ValueStream;
class WriteState;

class ReadState {
 public:
  ReadState(DatabaseImpl& db, PageSource& source) : db_(db), source_(&source) {}
  virtual ~ReadState() = default;

  // What this transaction may do now: an error when it has ended, is doomed, or sees what a
  // failed sync may take back.
  virtual Result<void> usable() const = 0;
  [[nodiscard]] virtual TxnNumber txn() const = 0;

  // Itself, if it is one.
  virtual WriteState* as_writer() { return nullptr; }

  DatabaseImpl& db() { return db_; }
  PageSource& source() { return *source_; }
  // Root and id, looked up once per transaction; the catalog's word is final for a snapshot.
  Result<TreeRef> resolve(Tree tree);
  // Grows when a tree may have gone that was there before: what it was resolved to is void.
  [[nodiscard]] std::uint64_t tree_changes() const { return tree_changes_; }
  // As of this transaction, its own changes included.
  virtual Result<std::uint64_t> count(TreeId id);
  // The same without looking at what is dying: not less than count().
  virtual Result<std::uint64_t> most_records(TreeId id);

 protected:
  DatabaseImpl& db_;
  PageSource* source_;
  void trees_changed() noexcept {
    resolved_.clear();
    ++tree_changes_;
  }
  std::vector<TreeRef> resolved_;

 private:
  std::uint64_t tree_changes_ = 0;
};

class SnapshotState final : public ReadState {
 public:
  SnapshotState(DatabaseImpl& db, PageCache& cache, SlotClaim slot, TxnNumber at_least);
  ~SnapshotState() override;
  Result<void> usable() const override;
  [[nodiscard]] TxnNumber txn() const override { return view_.snapshot(); }

 private:
  SnapshotView view_;
};

// Owns the writer's turn from begin to commit or abort.
class WriteState final : public ReadState {
 public:
  WriteState(DatabaseImpl& db, PageCache& cache, SlotClaim slot, IdSpace& ids, TxnNumber number,
             WriteView::MakeRoom make_room);
  ~WriteState() override;
  Result<void> usable() const override;
  [[nodiscard]] TxnNumber txn() const override { return view_.number(); }
  Result<std::uint64_t> count(TreeId id) override;
  Result<std::uint64_t> most_records(TreeId id) override;

  WriteState* as_writer() override { return this; }
  WriteView& view() { return view_; }
  // Runs a change, as at_boundary(): an error other than a refused argument dooms the transaction,
  // what is thrown above all, since it may have stopped the change anywhere.
  template <class F>
  auto change(F&& f) noexcept -> decltype(f()) {
    if (auto ok = at_boundary([this] { return usable(); }); !ok) return std::unexpected(ok.error());
    auto result = at_boundary(std::forward<F>(f));
    if (!result && dooms(result.error())) doom(result.error());
    return result;
  }

  // Changes of records and trees, with what they mean for the counts; each within change() or
  // all_or_nothing(). Arguments may be views that a cursor gave out.
  Result<bool> put(Tree tree, std::string_view key, std::string_view value, PutMode mode);
  Result<bool> erase(Tree tree, std::string_view key);
  Result<bool> compare_and_set(Tree tree, std::string_view key,
                               std::optional<std::string_view> expected,
                               std::optional<std::string_view> desired);
  Result<void> erase_range(Tree tree, std::optional<std::string_view> from,
                           std::optional<std::string_view> to);
  Result<void> drop_tree(Tree tree);

  // Within all_or_nothing(). In bulk_load.cc.
  Result<std::uint64_t> bulk_load(Tree tree, const RecordSource& next, unsigned fill_percent);

  // Values on their way in, in value_stream.cc. A number that names none is one whose time is over.
  Result<std::uint64_t> begin_stream(Tree tree, std::string_view key,
                                     std::optional<std::uint64_t> size);
  Result<void> append_to_stream(std::uint64_t number, std::string_view bytes);
  Result<void> finish_stream(std::uint64_t number);
  void end_stream(std::uint64_t number) noexcept;
  ValueStream* find_stream(std::uint64_t number) noexcept;
  // kInvalidArgument where one is open.
  [[nodiscard]] Result<void> no_streams() const;

  // Ends all savepoints, and writes the record counts into the catalog.
  Result<void> settle();

  // Savepoints, in savepoint.cc. A number that names none is one whose time is over.
  Result<std::uint64_t> begin_savepoint();
  Result<void> release_savepoint(std::uint64_t number);
  Result<void> roll_back_to(std::uint64_t number);
  void end_savepoint(std::uint64_t number) noexcept;
  // Runs a change that is done as a whole or, after an error, not at all: then the transaction goes
  // on.
  template <class F>
  auto all_or_nothing(F&& f) noexcept -> decltype(f()) {
    const auto begun = at_boundary([this] { return begin_savepoint(); });
    if (!begun) return std::unexpected(begun.error());
    auto result = at_boundary(std::forward<F>(f));
    if (result) {
      const auto released = at_boundary([&] { return release_savepoint(*begun); });
      if (!released) result = std::unexpected(released.error());
    }
    end_savepoint(*begun);
    return result;
  }
  // For the handles of savepoints, which may outlive this.
  std::shared_ptr<WriteState*> anchor();

  void doom(const Error& error) noexcept {
    if (!doomed_) doomed_ = error;
  }
  void abort() noexcept;
  // The turn is over; nothing more can be done with this transaction.
  void end() noexcept;
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  // What a savepoint brings back beside pages and ids.
  struct SavepointMark {
    std::uint64_t number;
    std::map<TreeId, std::int64_t> records;
  };

  [[nodiscard]] bool dooms(const Error& error) const noexcept;
  Result<void> list_cuts();
  [[nodiscard]] std::int64_t pending_records(TreeId id) const {
    const auto found = records_.find(id);
    return found == records_.end() ? 0 : found->second;
  }
  void note_records(TreeId id, std::int64_t change) {
    if (change != 0) records_[id] += change;
  }
  SavepointMark* find_savepoint(std::uint64_t number) noexcept;
  void rolled_back(std::map<TreeId, std::int64_t>&& records) noexcept;

  WriteView view_;
  std::map<std::uint64_t, std::unique_ptr<ValueStream>> streams_;  // They end before the view.
  std::uint64_t streams_made_ = 0;
  std::map<TreeId, std::int64_t> records_;
  std::vector<SavepointMark> savepoints_;  // As many as the view has.
  std::uint64_t savepoints_made_ = 0;
  std::shared_ptr<WriteState*> anchor_;
  std::optional<Error> doomed_;
  bool ended_ = false;
};

class CursorState {
 public:
  CursorState(ReadState& reader, TreeRef tree)
      : reader_(reader), tree_(tree), cursor_(reader.source(), tree) {}
  // Both are the boundary. A move that fails leaves the cursor nowhere.
  template <class F>
  auto move(F&& f) noexcept -> decltype(f(std::declval<TreeCursor&>())) {
    auto result = ask(std::forward<F>(f));
    if (!result) cursor_.stand_nowhere();
    return result;
  }
  template <class F>
  auto ask(F&& f) noexcept -> decltype(f(std::declval<TreeCursor&>())) {
    return at_boundary([&]() -> decltype(f(cursor_)) {
      if (auto ok = reader_.usable(); !ok) return std::unexpected(ok.error());
      if (auto ok = tree_still_there(); !ok) return std::unexpected(ok.error());
      return f(cursor_);
    });
  }
  // A change of the record that it stands on, by f(writer, tree, key).
  template <class F>
  auto change(F&& f) noexcept -> Result<bool> {
    if (auto ok = ask([this](TreeCursor&) { return may_change(); }); !ok)
      return std::unexpected(ok.error());
    WriteState& writer = *reader_.as_writer();
    return writer.change([&] { return f(writer, Tree(raw(tree_.id)), cursor_.key()); });
  }
  TreeCursor& cursor() { return cursor_; }
  ReadState& reader() { return reader_; }
  [[nodiscard]] TreeRef tree() const { return tree_; }

 private:
  [[nodiscard]] Result<void> may_change() const;
  // kNotFound when this transaction has dropped it, or rolled back past its making.
  Result<void> tree_still_there() {
    if (tree_changes_ == reader_.tree_changes()) return {};
    const auto found = reader_.resolve(Tree(raw(tree_.id)));
    if (!found) return std::unexpected(found.error());
    tree_changes_ = reader_.tree_changes();
    return {};
  }

  ReadState& reader_;
  TreeRef tree_;
  std::uint64_t tree_changes_ = reader_.tree_changes();
  TreeCursor cursor_;
};

}  // namespace holdfast
