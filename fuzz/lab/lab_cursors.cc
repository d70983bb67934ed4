// Cursors that stay while other things happen: what they stand on must not change under them.
#include <iterator>
#include <utility>

#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {

// The writer's, in the default tree, which is never dropped; or a snapshot's.
void LabDatabase::move_cursor(const Op& op) {
  std::optional<Error> refused;
  if (writer_) {
    refused = move_cursor(writer_cursor_, *writer_, Tree{}, "", model_.trees().at(""), op);
    if (refused) (void)refused_change(*refused, "the writer's cursor");
    return;
  }
  if (held_.empty()) return;
  Held& held = held_[op.key % held_.size()];
  if (held.seen.empty()) held.seen = model_.as_of(held.txn);
  judge_view(held);
  // Where it stands already it goes on; else in the tree that the op names.
  const std::string name = held.cursor ? held.cursor->tree : tree_name(op.tree);
  const auto records = held.seen.find(name);
  if (records == held.seen.end()) return;
  auto tree = held.reader.open_tree(name);
  if (!tree) return (void)excused_for(held, tree.error(), "open_tree()");
  refused = move_cursor(held.cursor, held.reader, *tree, name, records->second, op);
  if (!refused) return;
  held.cursor.reset();
  (void)excused_for(held, *refused, "a snapshot's cursor");
}

std::optional<Error> LabDatabase::move_cursor(std::optional<LabCursor>& place, const Reader& reader,
                                              Tree tree, const std::string& name,
                                              const Model::Records& records, const Op& op) {
  if (!place) {
    auto made = reader.cursor(tree);
    if (!made) return made.error();
    place.emplace(LabCursor{*std::move(made), name, {}, false, {}});
  }
  if (place->on) {
    if (auto refused = judge_cursor(*place, records)) return refused;
  }
  place->value = {};
  const std::string key = shape_.key((op.key + op.count) % shape_.key_count);
  auto want = records.end();
  Result<bool> on = false;
  const unsigned way = op.count % 8;
  if (place->on && way < 3) {
    want = records.upper_bound(place->key);
    on = place->cursor.next();
  } else if ((place->on && way < 5) || way == 5) {
    const bool from_here = place->on && way < 5;
    const auto after = from_here ? records.lower_bound(place->key) : records.upper_bound(key);
    want = after == records.begin() ? records.end() : std::prev(after);
    on = from_here ? place->cursor.prev() : place->cursor.seek_at_or_before(key);
  } else {
    want = records.lower_bound(key);
    on = place->cursor.seek(key);
  }
  if (!on) return on.error();
  ++counters_.records;
  place->on = want != records.end();
  if (*on != place->on) {
    fail("a cursor stands " + std::string(*on ? "on a record" : "nowhere") + " after a move to " +
         (place->on ? show_bytes(want->first) : "an end"));
    return std::nullopt;
  }
  if (!place->on) return std::nullopt;
  place->key = want->first;
  return judge_cursor(*place, records);
}

std::optional<Error> LabDatabase::judge_cursor(LabCursor& place, const Model::Records& records) {
  if (!place.cursor.valid() || place.cursor.key() != place.key) {
    fail("a cursor after " + show_bytes(place.key) + " doesn't stand there any more");
    return std::nullopt;
  }
  const auto record = records.find(place.key);
  const auto value = place.cursor.value();
  if (!value && value.error().code() == ErrorCode::kNotFound && record == records.end())
    return std::nullopt;
  if (!value) return value.error();
  if (record == records.end() || *value != record->second)
    fail("a cursor after " + show_bytes(place.key) + " shows another value");
  place.value = *value;
  return std::nullopt;
}

// Also where the snapshot was given up since.
void LabDatabase::judge_view(const Held& held) {
  if (!held.cursor || !held.cursor->on || held.cursor->value.empty()) return;
  const Model::Records& records = held.seen.at(held.cursor->tree);
  if (held.cursor->value != records.at(held.cursor->key))
    fail("what a cursor on " + show_bytes(held.cursor->key) + " has shown changes under it");
}

}  // namespace holdfast
