// What the database must hold, kept outside it: ordered maps, the way back to every state that a
// crash may still uncover, and what was promised about each.
//
// A transaction that is open changes the maps at once and leaves a list of what it undid; a
// committed one keeps that list until nothing can lead back beyond it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

class Model {
 public:
  using Records = std::map<std::string, std::string, std::less<>>;
  using Trees = std::map<std::string, Records, std::less<>>;  // By name; "" is the default tree.

  // What a commit has survived.
  enum class Promise : std::uint8_t {
    kProcessDeath,
    kPowerLoss,
  };

  Model() { reset(); }
  // A database just created: transaction 1, an empty default tree.
  void reset();

  // With the changes of the open transaction.
  [[nodiscard]] const Trees& trees() const { return trees_; }
  [[nodiscard]] std::uint64_t newest() const { return newest_; }
  // As after transaction `txn`, which forget_before() must not have passed.
  [[nodiscard]] Trees as_of(std::uint64_t txn) const;

  // --- The open transaction: begins with its first change.
  void put(std::string_view tree, std::string_view key, std::string_view value);
  bool erase(std::string_view tree, std::string_view key);
  void erase_range(std::string_view tree, std::string_view from, std::optional<std::string> to);
  void create_tree(std::string_view name);
  void drop_tree(std::string_view name);
  void rename_tree(std::string_view from, std::string_view to);
  // A point to roll back to.
  [[nodiscard]] std::size_t savepoint() const { return open_.size(); }
  void roll_back(std::size_t savepoint);
  void abort();
  void commit();
  // Whether commit() would make another state.
  [[nodiscard]] bool changed() const;

  // --- What may come back.
  void promise(Promise promise, std::uint64_t txn);
  [[nodiscard]] std::uint64_t promised(Promise promise) const {
    return promise == Promise::kPowerLoss ? durable_ : std::max(durable_, with_os_);
  }
  // After a crash: transactions after `txn` never were. Everything up to it is durable now.
  void rewind(std::uint64_t txn);
  // States before `txn` will not be asked for.
  void forget_before(std::uint64_t txn);
  [[nodiscard]] std::uint64_t oldest() const { return newest_ - history_.size(); }

 private:
  struct Undo {
    enum class Of : std::uint8_t { kRecord, kMadeTree, kDroppedTree, kRenamedTree };
    Of of = Of::kRecord;
    std::string tree;
    std::string key;  // Of a tree that was renamed: the name before.
    std::optional<std::string> before;
    Records dropped;
  };
  using Undos = std::vector<Undo>;

  static void undo(const Undo& note, Trees& trees);
  static void undo(const Undos& undos, Trees& trees);

  Trees trees_;
  std::uint64_t newest_ = 1;
  std::deque<Undos> history_;  // The last is that of newest_.
  Undos open_;
  std::uint64_t durable_ = 0;
  std::uint64_t with_os_ = 0;
};

}  // namespace holdfast
