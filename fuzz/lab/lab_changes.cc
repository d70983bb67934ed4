// What the ops of a write transaction do that are more than a put or an erase: conditions, batches,
// trees, savepoints, a cursor that changes what it walks over.
#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/limits.h"
#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {
namespace {

using Kind = Op::Kind;

constexpr std::size_t kSavepointsMax = 5;

std::string show(const std::optional<std::string>& value) {
  return value ? show_bytes(*value) : "nothing";
}

}  // namespace

void LabDatabase::put_too_long(const Op&) {
  if (!begin_write()) return;
  const std::string key(max_key_bytes(shape_.page_size) + 1, 'x');
  const auto done = writer_->put(key, "value");
  if (done) return fail("a key longer than the limit was taken");
  if (done.error().code() != ErrorCode::kLimitExceeded) (void)excused(done.error(), "put()");
}

void LabDatabase::put_if(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  const std::string key = shape_.key(op.key % shape_.key_count);
  const Model::Records& records = model_.trees().find(name)->second;
  const auto there = records.find(key);
  const bool existed = there != records.end();
  const std::string value = value_of(op.bytes, ++stamp_);
  std::optional<std::string> expected;
  std::optional<std::string> desired = value;
  bool should = false;
  Result<bool> did = false;
  switch (op.count % 8) {
    case 0:
    case 1:
      should = !existed;
      did = writer_->insert(*tree, key, value);
      break;
    case 2:
    case 3:
      should = existed;
      did = writer_->replace(*tree, key, value);
      break;
    default:
      // Of those that compare, most should match; some erase.
      if (existed) expected = there->second;
      if (op.count == 4) expected = expected ? *expected + "x" : "";
      if (op.count == 5) desired.reset();
      should = op.count != 4;
      did = writer_->compare_and_set(*tree, key, expected, desired);
      break;
  }
  if (!did) return (void)refused_change(did.error(), "a conditional put");
  ++counters_.records;
  if (*did != should) {
    return fail("a conditional put of " + show_bytes(key) + ", expected " + show(expected) +
                ", answers " + (*did ? "true" : "false"));
  }
  if (!should) return;
  if (desired) {
    model_.put(name, key, *desired);
  } else {
    (void)model_.erase(name, key);
  }
}

// Without a writer it goes through Database::write(); in one through apply() or put_many().
void LabDatabase::batch(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!model_.trees().contains(name)) return;
  std::optional<Tree> tree = Tree{};
  if (op.tree != 0) {
    const auto found = writer_ ? writer_->open_tree(name) : [&]() -> Result<Tree> {
      auto reader = db_->begin_read();
      if (!reader) return std::unexpected(reader.error());
      return reader->open_tree(name);
    }();
    if (!found && found.error().code() == ErrorCode::kNotFound && !writer_) return;  // Not durable.
    if (!found)
      return (void)(writer_ ? refused_change(found.error(), "open_tree()")
                            : excused(found.error(), "open_tree()"));
    tree = *found;
  }
  const bool only_puts = writer_ && op.key % 2 == 0;
  WriteBatch recorded;
  std::vector<std::pair<std::string, std::optional<std::string>>> changes;
  for (std::uint32_t i = 0; i < op.count; ++i) {
    const std::string key = shape_.key((op.key + i * 3) % shape_.key_count);
    const bool erases = !only_puts && i % 4 == 3;
    changes.emplace_back(key, std::nullopt);
    if (!erases) changes.back().second = value_of(op.bytes, ++stamp_);
    (void)(erases ? recorded.erase(*tree, key) : recorded.put(*tree, key, *changes.back().second));
  }
  const auto note_changes = [&] {
    counters_.records += changes.size();
    for (const auto& [key, value] : changes) {
      if (value) {
        model_.put(name, key, *value);
      } else {
        (void)model_.erase(name, key);
      }
    }
  };
  if (!writer_) {
    const std::uint64_t txn = model_.newest() + 1;
    note_changes();  // Before the call: a commit beside its sync comes after them.
    const auto token =
        db_->write(recorded, op.key % 3 == 0 ? Durability::kLazy : Durability::kSync);
    committed(op.key % 3 == 0 ? Kind::kCommitLazy : Kind::kCommitSync, txn, token);
    return note_background();
  }
  Result<void> done;
  if (only_puts) {
    std::vector<KeyValue> records;
    for (const auto& [key, value] : changes) records.push_back({key, *value});
    done = writer_->put_many(*tree, records);
  } else {
    done = writer_->apply(recorded);
  }
  if (!done) {
    // All or nothing: the transaction is as it was, and goes on.
    if (done.error().code() == ErrorCode::kLimitExceeded) return (void)++counters_.limits;
    (void)excused(done.error(), "a batch");
    if (!usable()) abort();
    return;
  }
  note_changes();
}

void LabDatabase::erase_range(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  std::string from = shape_.key(op.key % shape_.key_count);
  std::optional<std::string> to;
  if (op.count != 0) {
    to = shape_.key(op.count % shape_.key_count);
    if (*to < from) std::swap(from, *to);
  }
  if (auto done = writer_->erase_range(*tree, from, to); !done) {
    return (void)refused_change(done.error(), "erase_range()");
  }
  cuts_ = true;
  model_.erase_range(name, from, to);
}

void LabDatabase::create_tree(const Op& op) {
  if (op.tree == 0 || !begin_write()) return;
  const std::string name = tree_name(op.tree);
  const bool known = model_.trees().contains(name);
  const auto tree = writer_->open_or_create_tree(name);
  if (!tree) return (void)refused_change(tree.error(), "open_or_create_tree()");
  if (!known) model_.create_tree(name);
}

void LabDatabase::drop_tree(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (op.tree == 0 || !begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  if (auto done = writer_->drop_tree(*tree); !done) {
    return (void)refused_change(done.error(), "drop_tree()");
  }
  model_.drop_tree(name);
  // What can't be read can't be followed: it belongs to nobody from now on.
  may_leak_ = may_leak_ || weather_ == Weather::kAstray;
  const auto gone = writer_->get(*tree, "");
  if (gone || gone.error().code() != ErrorCode::kNotFound) fail("a dropped tree can be read");
}

void LabDatabase::rename_tree(const Op& op) {
  const std::string from = tree_name(op.tree);
  const std::string to = tree_name(static_cast<std::uint8_t>(op.key));
  if (op.tree == 0 || op.key == 0 || !begin_write() || !model_.trees().contains(from)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  const auto done = writer_->rename_tree(*tree, to);
  if (from != to && model_.trees().contains(to)) {
    if (done) return fail("a tree was given another's name");
    if (done.error().code() == ErrorCode::kAlreadyExists) return;
  }
  if (!done) return (void)refused_change(done.error(), "rename_tree()");
  if (from != to) model_.rename_tree(from, to);
}

void LabDatabase::savepoint() {
  if (savepoints_.size() == kSavepointsMax || !begin_write()) return;
  auto made = writer_->savepoint();
  if (!made) return (void)refused_change(made.error(), "savepoint()");
  savepoints_.push_back({*std::move(made), model_.savepoint()});
}

void LabDatabase::roll_back(std::uint32_t number) {
  if (savepoints_.empty()) return;
  const std::size_t at = number % savepoints_.size();
  savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at) + 1, savepoints_.end());
  if (auto done = savepoints_[at].savepoint.rollback(); !done) {
    return fail("rollback(): " + done.error().to_string());
  }
  model_.roll_back(savepoints_[at].in_model);
}

void LabDatabase::release(std::uint32_t number) {
  if (savepoints_.empty()) return;
  const std::size_t at = number % savepoints_.size();
  if (auto done = savepoints_[at].savepoint.release(); !done) {
    return (void)refused_change(done.error(), "release()");
  }
  savepoints_.erase(savepoints_.begin() + static_cast<std::ptrdiff_t>(at), savepoints_.end());
}

void LabDatabase::get_many(const Op& op) {
  if (op.tree != 0 && !writer_) return;
  const auto found = model_.trees().find(tree_name(op.tree));
  if (found == model_.trees().end()) return;
  std::vector<std::string> keys;
  for (std::uint32_t i = 0; i < op.count; ++i)
    keys.push_back(shape_.key((op.key + i * 7) % shape_.key_count));
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  std::optional<ReadTransaction> reader;
  if (!writer_) {
    auto begun = db_->begin_read({.at_least = model_.newest()});
    if (!begun) return (void)excused(begun.error(), "begin_read()");
    reader.emplace(*std::move(begun));
  }
  const auto tree = writer_ ? tree_to_change(op.tree) : Result<Tree>(Tree{});
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  const auto got = writer_ ? writer_->get_many(*tree, views) : reader->get_many(*tree, views);
  if (!got) {
    return (void)(writer_ ? refused_change(got.error(), "get_many()")
                          : excused(got.error(), "get_many()"));
  }
  counters_.records += keys.size();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto want = found->second.find(keys[i]);
    const bool there = want != found->second.end();
    if ((*got)[i].has_value() != there || (there && *(*got)[i] != want->second))
      return fail("get_many() of " + show_bytes(keys[i]) + " is wrong");
  }
}

// The writer's cursor goes along while what it stands on is erased.
void LabDatabase::walk(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  auto made = writer_->cursor(*tree);
  if (!made) return (void)refused_change(made.error(), "cursor()");
  std::optional<Cursor> cursor = *std::move(made);
  // The cursor ends before its transaction does.
  const auto refused = [&](const Error& error, const char* what) {
    cursor.reset();
    (void)refused_change(error, what);
  };
  std::string key = shape_.key(op.key % shape_.key_count);
  const bool back = op.bytes != 0;
  // The model's next record at or beyond the key.
  const auto next = [&](bool beyond) -> std::optional<std::string> {
    const Model::Records& records = model_.trees().find(name)->second;
    if (!back) {
      const auto at = beyond ? records.upper_bound(key) : records.lower_bound(key);
      return at == records.end() ? std::nullopt : std::optional(at->first);
    }
    const auto at = beyond ? records.lower_bound(key) : records.upper_bound(key);
    return at == records.begin() ? std::nullopt : std::optional(std::prev(at)->first);
  };
  std::optional<std::string> want = next(false);
  auto on = back ? cursor->seek_at_or_before(key) : cursor->seek(key);
  for (std::uint32_t i = 0; i < op.count; ++i) {
    if (!on) return refused(on.error(), "a cursor's move");
    if (*on != want.has_value() || (*on && cursor->key() != *want)) {
      return fail("a cursor after " + show_bytes(key) + " stands " +
                  (*on ? "on " + show_bytes(cursor->key()) : "nowhere") + ", not on " + show(want));
    }
    ++counters_.records;
    if (!*on) return;
    key = *want;
    if (i % 2 == 0) {
      const auto erased = i % 4 == 0 ? cursor->erase() : writer_->erase(*tree, key);
      if (!erased) return refused(erased.error(), "erase()");
      if (!*erased) return fail("erase() of " + show_bytes(key) + " answers false");
      (void)model_.erase(name, key);
    } else if (i % 8 == 1) {
      const std::string value = value_of(static_cast<std::uint32_t>(key.size()), ++stamp_);
      const auto replaced = cursor->replace(value);
      if (!replaced) return refused(replaced.error(), "a cursor's replace()");
      if (!*replaced) return fail("replace() of " + show_bytes(key) + " answers false");
      model_.put(name, key, value);
    }
    want = next(true);
    on = back ? cursor->prev() : cursor->next();
  }
}

}  // namespace holdfast
