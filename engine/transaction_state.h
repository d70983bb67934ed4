// What lies behind the public transactions and cursors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/base/boundary.h"
#include "engine/tree/cursor.h"
#include "engine/txn/catalog.h"
#include "engine/txn/snapshot_view.h"
#include "engine/txn/write_view.h"

namespace holdfast {

class DatabaseImpl;

class ReadState {
 public:
  ReadState(DatabaseImpl& db, PageSource& source) : db_(db), source_(&source) {}
  virtual ~ReadState() = default;

  // What this transaction may do now: an error when it has ended, is doomed, or sees what a
  // failed sync may take back.
  virtual Result<void> usable() const = 0;
  [[nodiscard]] virtual TxnNumber txn() const = 0;

  DatabaseImpl& db() { return db_; }
  PageSource& source() { return *source_; }
  // Root and id, looked up once per transaction; the catalog's word is final for a snapshot.
  Result<TreeRef> resolve(Tree tree);
  // As of this transaction, its own changes included.
  virtual Result<std::uint64_t> count(TreeId id);

 protected:
  DatabaseImpl& db_;
  PageSource* source_;
  std::vector<TreeRef> resolved_;
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
             std::function<Result<void>()> make_room);
  ~WriteState() override;
  Result<void> usable() const override;
  [[nodiscard]] TxnNumber txn() const override { return view_.number(); }
  Result<std::uint64_t> count(TreeId id) override;

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
  void note_records(TreeId id, std::int64_t change) { records_[id] += change; }
  // Writes the record counts into the catalog.
  Result<void> settle_records();
  void doom(const Error& error) noexcept {
    if (!doomed_) doomed_ = error;
  }
  void abort() noexcept;
  // The turn is over; nothing more can be done with this transaction.
  void end() noexcept;
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  [[nodiscard]] bool dooms(const Error& error) const noexcept;

  WriteView view_;
  std::map<TreeId, std::int64_t> records_;
  std::optional<Error> doomed_;
  bool ended_ = false;
};

class CursorState {
 public:
  CursorState(ReadState& reader, TreeRef tree) : reader_(reader), cursor_(reader.source(), tree) {}
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
      return f(cursor_);
    });
  }
  TreeCursor& cursor() { return cursor_; }

 private:
  ReadState& reader_;
  TreeCursor cursor_;
};

}  // namespace holdfast
