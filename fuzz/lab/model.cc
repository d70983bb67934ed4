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

void Model::undo(const Undos& undos, Trees& trees) {
  for (auto each = undos.rbegin(); each != undos.rend(); ++each) {
    if (each->made_tree) {
      trees.erase(each->tree);
    } else if (each->before) {
      trees[each->tree][each->key] = *each->before;
    } else {
      trees[each->tree].erase(each->key);
    }
  }
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
  Undo note{std::string(tree), std::string(key), std::nullopt, false};
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
  open_.push_back({std::string(tree), std::string(key), std::move(found->second), false});
  records.erase(found);
  return true;
}

void Model::create_tree(std::string_view name) {
  trees_[std::string(name)];
  open_.push_back({std::string(name), {}, std::nullopt, true});
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
