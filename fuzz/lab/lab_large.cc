// What the ops do that write large things: values that come in pieces, and bulk loads.
#include <algorithm>
#include <utility>
#include <vector>

#include "fuzz/lab/compare.h"
#include "fuzz/lab/lab_database.h"

namespace holdfast {

// Count 0 and 1: given up half-way; odd: its size is said beforehand; 4 and 5: something else is
// done in the middle; 6 and 7: and is undone.
void LabDatabase::put_stream(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  const std::string key = shape_.key(op.key % shape_.key_count);
  const std::string value = value_of(op.bytes, ++stamp_);
  auto begun = writer_->put_stream(
      *tree, key, op.count % 2 != 0 ? std::optional<std::uint64_t>(value.size()) : std::nullopt);
  if (!begun) return (void)refused_change(begun.error(), "put_stream()");
  std::optional<ValueWriter> stream = *std::move(begun);
  const auto refused = [&](const Error& error, const char* what) {
    stream.reset();  // It ends before its transaction does.
    (void)refused_change(error, what);
  };
  const std::string_view all = value;
  if (auto done = stream->append(all.substr(0, all.size() / 2)); !done)
    return refused(done.error(), "append()");
  if (op.count < 2) return;
  if (op.count >= 4) {
    const std::string other = shape_.key((op.key + 1) % shape_.key_count);
    const std::string few = value_of(op.bytes % 300, ++stamp_);
    auto savepoint = writer_->savepoint();
    if (!savepoint) return refused(savepoint.error(), "savepoint()");
    if (auto done = writer_->put(*tree, other, few); !done) {
      // What it had changed is undone with the savepoint: the stream goes on, if it can.
      if (done.error().code() != ErrorCode::kLimitExceeded) return refused(done.error(), "put()");
      ++counters_.limits;
    } else if (op.count < 6) {
      if (auto released = savepoint->release(); !released)
        return refused(released.error(), "release()");
      model_.put(name, other, few);
    }
  }
  for (std::size_t at = all.size() / 2; at < all.size(); at += 5000) {
    if (auto done = stream->append(all.substr(at, 5000)); !done)
      return refused(done.error(), "append()");
  }
  if (auto done = stream->finish(); !done) return refused(done.error(), "finish()");
  model_.put(name, key, value);
  ++counters_.records;
}

void LabDatabase::bulk_load(const Op& op) {
  const std::string name = tree_name(op.tree);
  if (!begin_write() || !model_.trees().contains(name)) return;
  const auto tree = tree_to_change(op.tree);
  if (!tree) return (void)refused_change(tree.error(), "open_tree()");
  const Model::Records& records = model_.trees().find(name)->second;
  std::vector<std::string> keys;
  for (std::uint32_t i = 0; i < shape_.key_count; ++i) {
    if (records.empty() || shape_.key(i) > records.rbegin()->first) keys.push_back(shape_.key(i));
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  keys.resize(std::min<std::size_t>(keys.size(), op.count));
  std::vector<std::pair<std::string, std::string>> loaded;
  for (const std::string& key : keys)
    loaded.emplace_back(key, value_of(op.bytes / (1 + op.key % 7), ++stamp_));
  const bool wrong = op.key % 4 == 0 && loaded.size() > 1;
  if (wrong) loaded.back().first = loaded.front().first;
  const auto done = writer_->bulk_load(*tree, loaded.begin(), loaded.end(), 50 + op.key % 51);
  if (wrong && (done || done.error().code() == ErrorCode::kInvalidArgument)) {
    if (done) fail("a bulk load took keys in the wrong order");
    return;
  }
  if (!done) {
    // All or nothing: the transaction is as it was, and goes on.
    if (done.error().code() == ErrorCode::kLimitExceeded) return (void)++counters_.limits;
    (void)excused(done.error(), "bulk_load()");
    if (!usable()) abort();
    return;
  }
  if (*done != loaded.size()) fail("a bulk load answers " + std::to_string(*done));
  counters_.records += loaded.size();
  for (const auto& [key, value] : loaded) model_.put(name, key, value);
}

}  // namespace holdfast
