#include "fuzz/lab/model.h"

#include <algorithm>
#include <utility>

namespace holdfast {

void Model::reset() {
  trees_.clear();
  trees_[""];
  newest_ = 1;
  history_.clear();
  open_.clear();
  durable_ = with_os_ = 0;
}

void Model::undo(const Undo& note, Trees& trees) {
  switch (note.of) {
    case Undo::Of::kMadeTree:
      trees.erase(note.tree);
      return;
    case Undo::Of::kDroppedTree:
      trees[note.tree] = note.dropped;
      return;
    case Undo::Of::kRenamedTree: {
      auto renamed = trees.extract(note.tree);
      renamed.key() = note.key;
      trees.insert(std::move(renamed));
      return;
    }
    case Undo::Of::kRecord:
      if (note.before) {
        trees[note.tree][note.key] = *note.before;
      } else {
        trees[note.tree].erase(note.key);
      }
      return;
  }
}

void Model::undo(const Undos& undos, Trees& trees) {
  for (auto each = undos.rbegin(); each != undos.rend(); ++each) undo(*each, trees);
}

Model::Trees Model::as_of(std::uint64_t txn) const {
  Trees trees = trees_;
  undo(open_, trees);
  for (std::uint64_t at = newest_; at > txn && at > oldest(); --at) {
    undo(history_[history_.size() - 1 - (newest_ - at)], trees);
  }
  return trees;
}

void Model::put(std::string_view tree, std::string_view key, std::string_view value) {
  Records& records = trees_.find(tree)->second;
  auto found = records.find(key);
  Undo note{Undo::Of::kRecord, std::string(tree), std::string(key), std::nullopt, {}};
  if (found != records.end()) {
    note.before = std::move(found->second);
    found->second = value;
  } else {
    records.emplace(key, value);
  }
  open_.push_back(std::move(note));
}

bool Model::erase(std::string_view tree, std::string_view key) {
  Records& records = trees_.find(tree)->second;
  auto found = records.find(key);
  if (found == records.end()) return false;
  open_.push_back(
      {Undo::Of::kRecord, std::string(tree), std::string(key), std::move(found->second), {}});
  records.erase(found);
  return true;
}

void Model::erase_range(std::string_view tree, std::string_view from,
                        std::optional<std::string> to) {
  Records& records = trees_.find(tree)->second;
  for (auto at = records.lower_bound(from); at != records.end() && (!to || at->first < *to);) {
    open_.push_back({Undo::Of::kRecord, std::string(tree), at->first, std::move(at->second), {}});
    at = records.erase(at);
  }
}

void Model::create_tree(std::string_view name) {
  trees_[std::string(name)];
  open_.push_back({Undo::Of::kMadeTree, std::string(name), {}, std::nullopt, {}});
}

void Model::drop_tree(std::string_view name) {
  const auto found = trees_.find(name);
  open_.push_back({Undo::Of::kDroppedTree, found->first, {}, std::nullopt, found->second});
  trees_.erase(found);
}

void Model::rename_tree(std::string_view from, std::string_view to) {
  auto renamed = trees_.extract(trees_.find(from));
  renamed.key() = to;
  trees_.insert(std::move(renamed));
  open_.push_back({Undo::Of::kRenamedTree, std::string(to), std::string(from), std::nullopt, {}});
}

void Model::roll_back(std::size_t savepoint) {
  for (; open_.size() > savepoint; open_.pop_back()) undo(open_.back(), trees_);
}

void Model::abort() {
  undo(open_, trees_);
  open_.clear();
}

void Model::commit() {
  ++newest_;
  history_.push_back(std::exchange(open_, {}));
}

bool Model::changed() const {
  if (open_.empty()) return false;
  Trees before = trees_;
  undo(open_, before);
  return before != trees_;
}

void Model::promise(Promise promise, std::uint64_t txn) {
  std::uint64_t& mark = promise == Promise::kPowerLoss ? durable_ : with_os_;
  mark = std::max(mark, std::min(txn, newest_));
}

void Model::rewind(std::uint64_t txn) {
  abort();
  while (newest_ > txn && !history_.empty()) {
    undo(history_.back(), trees_);
    history_.pop_back();
    --newest_;
  }
  durable_ = with_os_ = newest_;
}

void Model::forget_before(std::uint64_t txn) {
  while (!history_.empty() && oldest() < txn) history_.pop_front();
}

}  // namespace holdfast
