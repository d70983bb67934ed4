// Transactions: a consistent view to read, and the one place where data changes.
//
// A ReadTransaction sees one committed state for as long as it lives. A WriteTransaction sees the
// newest committed state plus its own changes; there is one at a time, others wait their turn.
// Both must end before their Database is closed. Keys and values are any bytes, the empty key too;
// keys sort bytewise.
//
// Threads: any number of transactions in any threads; one transaction is used by one thread at a
// time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "holdfast/cursor.h"
#include "holdfast/error.h"
#include "holdfast/export.h"
#include "holdfast/options.h"
#include "holdfast/savepoint.h"
#include "holdfast/tree.h"
#include "holdfast/value.h"
#include "holdfast/write_batch.h"

namespace holdfast {

class Database;
class DatabaseImpl;
class ReadState;
class WriteState;

struct TreeInfo {
  std::string name;  ///< Empty for the default tree.
  Tree tree;
  std::uint64_t records = 0;
  /// Always from trees(), but where a part that erase_range() cut off can't be read: then there are
  /// at most as many.
  bool records_exact = true;
};

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

/// Gives the next record each time, then nothing; its views are good until the next call. It may
/// not use the transaction that asks.
using RecordSource = std::function<Result<std::optional<KeyValue>>()>;

/// What lies in a range of keys, without walking it.
struct RangeEstimate {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  ///< Of keys and values.
  bool exact = false;       ///< Counted, not estimated.
};

/// What both kinds of transaction can do. Not made by users.
class HOLDFAST_EXPORT Reader {
 public:
  /// The value of `key`, or nothing. Errors: kNotFound (tree), kDamaged, kIo, kPoisoned.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const {
    return get(Tree{}, key);
  }
  [[nodiscard]] Result<std::optional<std::string>> get(Tree tree, std::string_view key) const;

  /// Copies the value into `value`, reusing its memory; false when there is no such key.
  [[nodiscard]] Result<bool> get_into(Tree tree, std::string_view key, std::string& value) const;

  /// The values of all these keys, in their order; nothing where there is none. In a read
  /// transaction sixteen keys at a time are looked for together, which takes less time than one
  /// after the other where the tree is larger than the processor's caches.
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> get_many(
      std::span<const std::string_view> keys) const {
    return get_many(Tree{}, keys);
  }
  [[nodiscard]] Result<std::vector<std::optional<std::string>>> get_many(
      Tree tree, std::span<const std::string_view> keys) const;

  /// The value of `key` to be read piece by piece, or nothing: see value.h. Reads no more than
  /// where it is. Errors as get().
  [[nodiscard]] Result<std::optional<ValueReader>> open_value(std::string_view key) const {
    return open_value(Tree{}, key);
  }
  [[nodiscard]] Result<std::optional<ValueReader>> open_value(Tree tree,
                                                              std::string_view key) const;

  [[nodiscard]] Result<bool> contains(std::string_view key) const { return contains(Tree{}, key); }
  [[nodiscard]] Result<bool> contains(Tree tree, std::string_view key) const;

  /// A cursor that stands nowhere yet: seek it. It must end before the transaction does.
  [[nodiscard]] Result<Cursor> cursor(Tree tree = {}) const;

  /// Records in the tree: exact, and at once, but for the time after erase_range(): what that cut
  /// off is counted by reading it until background work has freed it. kDamaged: some of it can't be
  /// read.
  [[nodiscard]] Result<std::uint64_t> count(Tree tree = {}) const;

  /// About how many records, of how many bytes, have keys at or after `from` and before `to`;
  /// std::nullopt is the tree's beginning or end. The ends of the range are counted, what lies
  /// between is judged by samples from the inner nodes: some pages are read per level of the tree,
  /// whatever the range. Never more than count() says, but where erase_range() has cut off what
  /// nobody has counted yet.
  [[nodiscard]] Result<RangeEstimate> estimate(std::optional<std::string_view> from,
                                               std::optional<std::string_view> to) const {
    return estimate(Tree{}, from, to);
  }
  [[nodiscard]] Result<RangeEstimate> estimate(Tree tree, std::optional<std::string_view> from,
                                               std::optional<std::string_view> to) const;

  /// The tree of this name; kNotFound if there is none. The empty name is the default tree.
  [[nodiscard]] Result<Tree> open_tree(std::string_view name) const;
  /// All trees by name, the default tree first. Keep the result in a variable before a range-for
  /// over it: one written over `trees().value()` outlives what it walks.
  [[nodiscard]] Result<std::vector<TreeInfo>> trees() const;
  /// The same at once, whatever erase_range() has cut off: `records` is then what was there before,
  /// and `records_exact` false, until background work has freed it.
  [[nodiscard]] Result<std::vector<TreeInfo>> list_trees() const;

  /// The txn number of the state this reader sees (a writer: its own number).
  [[nodiscard]] std::uint64_t txn() const noexcept;

 protected:
  explicit Reader(ReadState* state) : state_(state) {}
  ReadState* state_;
};

class HOLDFAST_EXPORT ReadTransaction : public Reader {
 public:
  ReadTransaction(ReadTransaction&& other) noexcept;
  ReadTransaction& operator=(ReadTransaction&& other) noexcept;
  ~ReadTransaction();  ///< Ends the view.

 private:
  friend class DatabaseImpl;
  explicit ReadTransaction(std::unique_ptr<ReadState> state);
  std::unique_ptr<ReadState> owned_;
};

/// A commit's txn number. Pass it to Database::wait_durable or ReadOptions::at_least.
using CommitToken = std::uint64_t;

class HOLDFAST_EXPORT WriteTransaction : public Reader {
 public:
  WriteTransaction(WriteTransaction&& other) noexcept;
  WriteTransaction& operator=(WriteTransaction&& other) noexcept;
  ~WriteTransaction();  ///< Aborts, unless it was committed.

  /// Inserts or replaces. Views that cursors of this transaction gave out end here, but may be
  /// what is stored.
  /// Errors: kLimitExceeded (key, value or transaction too large), kDiskFull, kDamaged, kIo,
  /// kNotFound (tree). An error other than a wrong argument or a limit on key and value dooms the
  /// transaction: only abort remains.
  [[nodiscard]] Result<void> put(std::string_view key, std::string_view value) {
    return put(Tree{}, key, value);
  }
  [[nodiscard]] Result<void> put(Tree tree, std::string_view key, std::string_view value);

  /// Begins a value that comes piece by piece, see value.h: nothing changes before its finish().
  /// `size` is how many bytes it will have, if that is known: page ids for as many are then spoken
  /// for until it ends, else for the largest value. Errors: kLimitExceeded (key, size), kNotFound
  /// (tree), kOutOfMemory, and those of a transaction that ended or is doomed; it goes on.
  [[nodiscard]] Result<ValueWriter> put_stream(std::string_view key,
                                               std::optional<std::uint64_t> size = std::nullopt) {
    return put_stream(Tree{}, key, size);
  }
  [[nodiscard]] Result<ValueWriter> put_stream(Tree tree, std::string_view key,
                                               std::optional<std::uint64_t> size = std::nullopt);

  /// Stores it only where there is none: false, and nothing changed, when there is one.
  /// Errors of these three as put().
  [[nodiscard]] Result<bool> insert(std::string_view key, std::string_view value) {
    return insert(Tree{}, key, value);
  }
  [[nodiscard]] Result<bool> insert(Tree tree, std::string_view key, std::string_view value);
  /// Stores it only in place of another: false, and nothing changed, when there is none.
  [[nodiscard]] Result<bool> replace(std::string_view key, std::string_view value) {
    return replace(Tree{}, key, value);
  }
  [[nodiscard]] Result<bool> replace(Tree tree, std::string_view key, std::string_view value);
  /// Where the value is `expected`, makes it `desired`: true. Else false, and nothing changed.
  /// std::nullopt stands for no record: expected, it must not be there; desired, it is erased.
  [[nodiscard]] Result<bool> compare_and_set(std::string_view key,
                                             std::optional<std::string_view> expected,
                                             std::optional<std::string_view> desired) {
    return compare_and_set(Tree{}, key, expected, desired);
  }
  [[nodiscard]] Result<bool> compare_and_set(Tree tree, std::string_view key,
                                             std::optional<std::string_view> expected,
                                             std::optional<std::string_view> desired);

  /// Removes the record; false when there was none.
  [[nodiscard]] Result<bool> erase(std::string_view key) { return erase(Tree{}, key); }
  [[nodiscard]] Result<bool> erase(Tree tree, std::string_view key);

  /// Removes all records at or after `from` and before `to`; std::nullopt is the tree's beginning
  /// or end. Takes as long for a million as for ten: what lies within the range is cut off unread,
  /// and freed by background work once no snapshot sees it (Database::reclaim() waits for that).
  /// Until then count() reads what was cut off. All or nothing: after an error the transaction goes
  /// on without it. Errors as put().
  [[nodiscard]] Result<void> erase_range(std::optional<std::string_view> from,
                                         std::optional<std::string_view> to) {
    return erase_range(Tree{}, from, to);
  }
  [[nodiscard]] Result<void> erase_range(Tree tree, std::optional<std::string_view> from,
                                         std::optional<std::string_view> to);

  /// Stores all of them, later ones over earlier ones, or after an error none: then the transaction
  /// goes on as it was. Errors as put().
  [[nodiscard]] Result<void> put_many(std::span<const KeyValue> records) {
    return put_many(Tree{}, records);
  }
  [[nodiscard]] Result<void> put_many(Tree tree, std::span<const KeyValue> records);
  /// Stores records that come in ascending order of their keys, the first after the tree's last (an
  /// empty tree has none), and answers how many: faster than as many put(), into pages that are
  /// `fill_percent` full (50 to 100) and written once, in memory that doesn't grow with their
  /// number but for some 170 bytes a page, until a checkpoint has followed the commit. All or
  /// nothing: after an error the transaction goes on as it was. Errors: kInvalidArgument where a
  /// key isn't after the one before, with both and the record's number, or `fill_percent` is none;
  /// whatever `next` answers; those of put().
  [[nodiscard]] Result<std::uint64_t> bulk_load(Tree tree, const RecordSource& next,
                                                unsigned fill_percent = kBulkFillPercent);
  /// The same from a range whose elements have first and second, or are KeyValues.
  template <std::forward_iterator It, std::sentinel_for<It> End>
    requires std::is_lvalue_reference_v<std::iter_reference_t<It>>
  [[nodiscard]] Result<std::uint64_t> bulk_load(Tree tree, It from, End to,
                                                unsigned fill_percent = kBulkFillPercent) {
    const RecordSource next = [&from, &to]() -> Result<std::optional<KeyValue>> {
      if (from == to) return std::optional<KeyValue>();
      const auto& [key, value] = *from;
      ++from;
      return std::optional<KeyValue>(KeyValue{key, value});
    };
    return bulk_load(tree, next, fill_percent);
  }
  static constexpr unsigned kBulkFillPercent = 95;

  /// Makes the changes of a recorded batch, all or, after an error, none.
  [[nodiscard]] Result<void> apply(const WriteBatch& batch);

  /// Makes a tree; kAlreadyExists if the name is taken. Names: 1 to kMaxTreeNameBytes bytes.
  [[nodiscard]] Result<Tree> create_tree(std::string_view name);
  /// Opens the tree, making it first where it is missing.
  [[nodiscard]] Result<Tree> open_or_create_tree(std::string_view name);
  /// Gives a tree another name; its records and its Tree stay. Errors: kNotFound, kAlreadyExists,
  /// kLimitExceeded (the name), kInvalidArgument (the default tree has none).
  [[nodiscard]] Result<void> rename_tree(Tree tree, std::string_view name);
  /// Forgets the tree with all its records, however many: its pages are freed later, as those of
  /// erase_range(). Cursors on it then answer kNotFound. All or nothing: after an error the
  /// transaction goes on without it. Errors: kNotFound, kInvalidArgument (the default tree).
  [[nodiscard]] Result<void> drop_tree(Tree tree);

  /// From here on changes can be undone alone; see savepoint.h. Any number may be open. Each page
  /// that is changed again after one takes memory for what it was: beyond what fits, the change is
  /// kLimitExceeded. Errors: kOutOfMemory (nothing changed), and those of a transaction that ended
  /// or is doomed. commit() keeps what was done since savepoints that are still there.
  [[nodiscard]] Result<Savepoint> savepoint();

  /// Makes all changes visible together and, as the durability says, permanent, with all that it
  /// saw. Without changes it writes nothing and answers the newest token. The transaction is
  /// over, whatever the outcome. On an error nothing of it will ever be seen, with one exception:
  /// kPoisoned or kIo while waiting for the sync, when only reopening tells whether it survived.
  [[nodiscard]] Result<CommitToken> commit();
  [[nodiscard]] Result<CommitToken> commit(Durability durability);
  /// Returns as soon as the commit is visible to writers and token readers; see wait_durable().
  [[nodiscard]] Result<CommitToken> commit_async();

  /// Forgets all changes. Never fails, leaves no trace on disk.
  void abort() noexcept;

 private:
  friend class DatabaseImpl;
  explicit WriteTransaction(std::unique_ptr<WriteState> state);
  std::unique_ptr<WriteState> owned_;
};

}  // namespace holdfast
